import assert from 'node:assert/strict';
import type { BackendType } from '../../dist/plugin.js';
import { definePlugin } from '../../dist/plugin.js';
import { createTestLamina, fakeBackend, type TestLamina } from '@lamina/testing';

const fake = fakeBackend();

/** The engine models name; here or not. */
function wanted(isHere: boolean): BackendType {
  return {
    ...fake,
    type: 'wanted',
    aliases: ['wnt'],
    create: (name, options) => ({
      ...fake.create(name, options),
      probe: () =>
        Promise.resolve(
          isHere ? { available: true } : { available: false, reason: 'it is not installed', hint: 'Install it.' },
        ),
    }),
  };
}

/** An engine that stands in for it, with fewer options, and a rank above it. */
function substitute(standsInFor: readonly string[]): BackendType {
  const modelOptions = {
    type: 'object',
    properties: { context_length: { type: 'integer' } },
    additionalProperties: false,
  };
  return {
    ...fake,
    type: 'substitute',
    modelOptions,
    create: (name, options) => ({
      ...fake.create(name, options),
      standsInFor,
      accepts: () => ({ rank: 99, reason: 'it can' }),
    }),
  };
}

describe('a backend that stands in for another', () => {
  let lamina: TestLamina | undefined;
  afterEach(() => lamina?.close());

  const models = {
    one: { path: 'one.fake', backend: 'wanted', options: { context_length: 512, tokens_per_second: 50 } },
    two: { path: 'one.fake', backend: 'wnt' },
    other: { path: 'one.fake', backend: 'mine' },
  };

  async function open(types: readonly BackendType[], log: object[] = []): Promise<TestLamina> {
    const plugin = definePlugin({
      name: 'engines',
      setup(context) {
        for (const type of types) context.addBackend(type);
        context.hooks.describeModel.tap((model) => ({ ...model, format: 'fake' }));
      },
    });
    const write = (data: object, message: string) => void log.push({ ...data, message });
    const logger = { debug: () => undefined, info: () => undefined, warn: write, error: write, child: () => logger };
    lamina = await createTestLamina({
      plugins: [plugin()],
      files: { 'one.fake': 'x' },
      manifest: { models, backends: { mine: { type: 'wanted' } } },
      log: logger,
    });
    return lamina;
  }

  it('serves models that name the other, by its name, an alias or an instance, while that is not here', async () => {
    const { runtime } = await open([wanted(false), substitute(['wanted'])]);
    for (const name of ['one', 'two', 'other']) assert.equal((await runtime.start(name)).backend, 'substitute');
  });

  it('is not asked while the other is here, whatever its rank', async () => {
    const { runtime } = await open([wanted(true), substitute(['wanted'])]);
    assert.equal((await runtime.start('other')).backend, 'mine');
  });

  it('serves them also where no plugin knows the other', async () => {
    const { runtime } = await open([substitute(['wanted', 'wnt'])]);
    assert.equal((await runtime.start('two')).backend, 'substitute');
  });

  it('does so only for those it names', async () => {
    const { runtime } = await open([wanted(false), substitute([])]);
    await assert.rejects(runtime.start('one'), {
      code: 'BACKEND_UNAVAILABLE',
      message: /it is not installed\. Install it\./,
    });
  });

  it('takes the options it has of those written for the other, and the log says which were left out', async () => {
    const log: { message?: string; leftOut?: string[] }[] = [];
    const { runtime } = await open([wanted(false), substitute(['wanted'])], log);
    assert.equal((await runtime.start('one')).info?.contextLength, 512);
    assert.deepEqual(log.find(({ message }) => message?.includes('stands in'))?.leftOut, ['tokens_per_second']);
  });

  it('is told of with the one it stands in for', async () => {
    const { backends, suggestions } = await open([wanted(false), substitute(['wanted'])]);
    const records = Object.fromEntries(
      (await backends.list()).map(({ name, replacedBy, standsInFor }) => [name, { replacedBy, standsInFor }]),
    );
    assert.deepEqual(records['mine'], { replacedBy: 'substitute', standsInFor: undefined });
    assert.deepEqual(records['substitute'], { replacedBy: undefined, standsInFor: ['wanted'] });
    const { suggested } = await suggestions.suggest({ ai_model: 'other' });
    assert.ok(suggested.reasons.includes('runs on substitute 1.0.0'), suggested.reasons.join('; '));
  });
});
