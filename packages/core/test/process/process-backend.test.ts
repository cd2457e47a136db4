// A description becomes a backend type, and configured options reach the engine.
import assert from 'node:assert/strict';
import type { FromSchema } from '../../dist/contract/schema.js';
import { check } from '../../dist/kernel/check.js';
import { processBackend } from '../../dist/process/process-backend.js';
import { engineFile } from './engine.js';
import { EngineFixture, model, never } from './engine-fixture.js';

const modelOptions = { type: 'object', properties: { threads: { type: 'integer' } }, required: ['threads'] } as const;
const options = { type: 'object', properties: { device: { type: 'string' } } } as const;

describe('a process backend', () => {
  let fixture: EngineFixture;
  beforeEach(() => (fixture = new EngineFixture()));
  afterEach(() => fixture.close());

  it('accepts for an instance the options of every process, its own, and those of its models', () => {
    const type = processBackend({
      type: 't',
      formats: ['f'],
      executable: 'x',
      options,
      modelOptions,
      command: () => ({ args: [] }),
    });
    assert.deepEqual(
      check(type.options, { executable: 'x', default_args: ['-v'], env: { A: 'b' }, device: 'gpu', threads: 2 }),
      [],
    );
    assert.deepEqual(check(type.options, {}), []);
    assert.equal(check(type.options, { thread: 2 }).length, 1);
    assert.deepEqual(check(type.modelOptions, { threads: 2 }), []);
    assert.equal(check(type.modelOptions, { threads: 2, device: 'gpu' }).length, 1);
    assert.equal(check(type.modelOptions, {}).length, 1);
  });

  it('accepts no options for models when none are described', () => {
    const type = processBackend({
      type: 't',
      aliases: ['tt'],
      formats: ['f'],
      executable: 'x',
      defaults: { executable: 'y' },
      command: () => ({ args: [] }),
    });
    assert.equal(check(type.modelOptions, { any: 1 }).length, 1);
    assert.deepEqual(
      { type: type.type, aliases: type.aliases, lifetime: type.lifetime, defaults: type.defaults },
      { type: 't', aliases: ['tt'], lifetime: 'owned', defaults: { executable: 'y' } },
    );
    assert.deepEqual(type.create('mine', {}).accepts(model), { rank: 0, reason: 'it opens test' });
  });

  it('passes typed options to the description, and arguments and environment in order to the engine', async () => {
    let seen: { threads: number; device: string | undefined } | undefined;
    const type = processBackend({
      type: 't',
      formats: ['test'],
      executable: process.execPath,
      version: false,
      ready: '/health',
      scrubEnv: ['LAMINA_TEST_*'],
      options,
      modelOptions,
      command({ options: own, instance, port, key }) {
        seen = { threads: own.threads satisfies FromSchema<typeof modelOptions>['threads'], device: instance.device };
        return {
          args: ['-e', printing, engineFile, '{}', String(port)],
          env: { ENGINE_KEY: key, COMMAND: 'command', INSTANCE: 'command' },
        };
      },
    });
    const printing = `console.log('env', ['INHERITED', 'INSTANCE', 'COMMAND', 'LAMINA_TEST_SECRET'].map((name) => process.env[name]).join(), process.execArgv[0]); process.exit(0)`;
    const backend = type.create('mine', {
      default_args: ['--no-warnings'],
      env: { INHERITED: 'instance', INSTANCE: 'instance' },
      device: 'gpu',
    });
    const context = {
      ...fixture.context(),
      options: { threads: 3 },
      env: { PATH: '/bin', INHERITED: 'inherited', LAMINA_TEST_SECRET: 'hush' },
    };
    await assert.rejects(backend.start(model, context), { code: 'MODEL_START_FAILED' });
    assert.deepEqual(seen, { threads: 3, device: 'gpu' });
    assert.ok(fixture.lines.includes('env instance,command,command, --no-warnings'), fixture.lines.join('\n'));
  });

  it('passes the options of the instance, and the engine once it was found, to the estimate', async () => {
    const seen: unknown[] = [];
    const estimateMemory = (_: unknown, own: unknown, __: unknown, about: unknown) => (
      seen.push(own, about),
      Promise.resolve(undefined)
    );
    const type = processBackend({
      type: 't',
      formats: ['test'],
      executable: process.execPath,
      version: false,
      estimateMemory,
      command: () => ({ args: [] }),
    });
    const backend = type.create('mine', { env: { A: 'b' } });
    const machine = { totalBytes: 1, freeBytes: 1, cores: 1, devices: [] };
    await backend.estimateMemory!(model, { threads: 1 }, machine);
    await backend.probe(fixture.context());
    await backend.estimateMemory!(model, { threads: 2 }, machine);
    const instance = { env: { A: 'b' } };
    assert.deepEqual(seen, [
      { threads: 1 },
      { instance },
      { threads: 2 },
      { instance, engine: { executable: process.execPath } },
    ]);
  });

  it('starts the same model twice at once on two ports', async () => {
    const [one, two] = await Promise.all([fixture.start({}), fixture.start({})]);
    assert.notEqual(one.endpoint().baseUrl, two.endpoint().baseUrl);
    await one.stop({ reason: 'requested', signal: never });
    assert.equal(await two.check!(never), 'ok');
  });
});
