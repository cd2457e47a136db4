import assert from 'node:assert/strict';
import type { BackendType } from '../../dist/plugin.js';
import { definePlugin } from '../../dist/plugin.js';
import { createTestLamina, fakeBackend, type TestLamina } from '@lamina/testing';

const fake = fakeBackend();

/** The engine that models name, available or not. */
function namedBackend(available: boolean): BackendType {
  return {
    ...fake,
    type: 'wanted',
    aliases: ['wnt'],
    create: (name, options) => ({
      ...fake.create(name, options),
      probe: () =>
        Promise.resolve(
          available ? { available: true } : { available: false, reason: 'it is not installed', hint: 'Install it.' },
        ),
    }),
  };
}

/** A fallback for it, with fewer options, and a rank above it. */
function fallback(fallbackFor: readonly string[]): BackendType {
  const modelOptions = {
    type: 'object',
    properties: { context_length: { type: 'integer' } },
    additionalProperties: false,
  };
  return {
    ...fake,
    type: 'fallback',
    modelOptions,
    create: (name, options) => ({
      ...fake.create(name, options),
      fallbackFor,
      accepts: () => ({ rank: 99, reason: 'it can' }),
    }),
  };
}

describe('a fallback backend', () => {
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

  it('serves models that name the other, by its name, an alias or an instance, while that is not available', async () => {
    const { runtime } = await open([namedBackend(false), fallback(['wanted'])]);
    for (const name of ['one', 'two', 'other']) assert.equal((await runtime.start(name)).backend, 'fallback');
  });

  it('is not used while the other is available, whatever its rank', async () => {
    const { runtime } = await open([namedBackend(true), fallback(['wanted'])]);
    assert.equal((await runtime.start('other')).backend, 'mine');
  });

  it('serves them also when no plugin provides the other', async () => {
    const { runtime } = await open([fallback(['wanted', 'wnt'])]);
    assert.equal((await runtime.start('two')).backend, 'fallback');
  });

  it('serves only models of the backends it names', async () => {
    const { runtime } = await open([namedBackend(false), fallback([])]);
    await assert.rejects(runtime.start('one'), {
      code: 'BACKEND_UNAVAILABLE',
      message: /it is not installed\. Install it\./,
    });
  });

  it('applies the options it has of those written for the other, and logs which were left out', async () => {
    const log: { message?: string; leftOut?: string[] }[] = [];
    const { runtime } = await open([namedBackend(false), fallback(['wanted'])], log);
    assert.equal((await runtime.start('one')).info?.contextLength, 512);
    assert.deepEqual(log.find(({ message }) => message?.includes('fallback'))?.leftOut, ['tokens_per_second']);
  });

  it('is listed with the backend it replaces', async () => {
    const { backends, suggestions } = await open([namedBackend(false), fallback(['wanted'])]);
    const records = Object.fromEntries(
      (await backends.list()).map(({ name, fallback, fallbackFor }) => [name, { fallback, fallbackFor }]),
    );
    assert.deepEqual(records['mine'], { fallback: 'fallback', fallbackFor: undefined });
    assert.deepEqual(records['fallback'], { fallback: undefined, fallbackFor: ['wanted'] });
    const { suggested } = await suggestions.suggest({ ai_model: 'other' });
    assert.ok(suggested.reasons.includes('runs on fallback 1.0.0'), suggested.reasons.join('; '));
  });
});
