// What the manifest says about which models run: groups, of which only some run at once, and models that load at the start.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LaminaError, type Logger, type Plugin } from '@lamina/core';
import { createTestLamina, type TestLamina } from '@lamina/testing';
import { ManualClock, settled } from './manual-clock.js';
import { Script } from './scripted-backend.js';

const entry = (name: string, more = '') => `  ${name}: { path: ${name}.bin, format: scripted${more} }\n`;
const models = `models:\n${entry('a')}${entry('b', ', aliases: [second]')}${entry('c')}${entry('d')}`;

describe('the manifest', () => {
  let lamina: TestLamina;
  let script: Script;
  let clock: ManualClock;
  const { signal } = new AbortController();
  afterEach(() => lamina.close({ signal: AbortSignal.abort() }));

  const open = async (
    manifest: string,
    options: Partial<Parameters<typeof createTestLamina>[0]> & { prepare?: (script: Script) => void } = {},
  ) => {
    const { prepare, plugins = [], ...rest } = options;
    script = new Script();
    prepare?.(script);
    clock = new ManualClock();
    const files = Object.fromEntries(['a', 'b', 'c', 'd'].map((name) => [`${name}.bin`, name]));
    lamina = await createTestLamina({
      files: { ...files, 'models.yaml': manifest },
      clock,
      ...rest,
      plugins: [script.plugin(), ...plugins],
    });
  };
  const use = async (model: string) => (await lamina.runtime.acquire(model, { signal })).release({ served: true });
  const state = (model: string) => lamina.runtime.slot(model).state;

  describe('with groups', () => {
    it('runs one model of a group at a time, and others beside it', async () => {
      await open(`${models}groups: { big: { models: [a, second] } }\n`);
      for (const model of ['a', 'c', 'd']) await use(model);
      assert.deepEqual(script.running, ['a', 'c', 'd']);
      await use('b');
      assert.deepEqual(script.running, ['c', 'd', 'b'], 'the alias "second" is the model b');
      assert.deepEqual(script.servers[0]!.stops, ['evicted']);
      const { budget, reserved } = lamina.runtime.memory();
      assert.deepEqual([budget['group:big'], reserved['group:big']], [1, 1]);
    });

    it('runs as many as max_loaded says, and makes the next one wait until one of them is idle', async () => {
      await open(`${models}groups: { big: { models: [a, b, c], max_loaded: 2 } }\n`);
      const leases = [];
      for (const model of ['a', 'b']) leases.push(await lamina.runtime.acquire(model, { signal }));
      await use('d');
      const waiting = lamina.runtime.acquire('c', { signal });
      await settled();
      assert.deepEqual(script.running, ['a', 'b', 'd']);
      assert.match(lamina.runtime.slot('c').waitReason!, /"a" and "b" are busy$/);
      leases[1]!.release({ served: true });
      (await waiting).release();
      assert.deepEqual(script.running, ['a', 'd', 'c']);
      leases[0]!.release();
    });

    it('refuses a model of a group whose other models are pinned, with what to do', async () => {
      await open(
        models.replace('{ path: a.bin', '{ pinned: true, path: a.bin') + 'groups: { big: { models: [a, b] } }\n',
      );
      await use('a');
      await assert.rejects(use('b'), (error) => {
        assert.ok(LaminaError.is(error, 'OUT_OF_MEMORY'));
        assert.match(error.message, /group "big"/);
        assert.match(String(error.details['hint']), /max_loaded/);
        return true;
      });
      assert.deepEqual(script.running, ['a']);
    });

    it('keeps groups when Lamina edits the manifest, and applies a change of them to the next start', async () => {
      await open(`${models}# one at a time\ngroups: { big: { models: [a, b] } }\n`);
      await lamina.models.save('d', { path: 'd.bin', format: 'scripted', description: 'the fourth' });
      const path = join(lamina.modelsDir, 'models.yaml');
      const text = await readFile(path, 'utf8');
      assert.match(text, /description: "the fourth" \}\n# one at a time\ngroups: \{ big: \{ models: \[a, b\] \} \}\n$/);
      assert.deepEqual(lamina.models.manifest.groups, { big: { models: ['a', 'b'] } });
      await use('a');
      await writeFile(path, text.replace('models: [a, b]', 'models: [a, c]'));
      await lamina.models.reload();
      await use('b');
      assert.deepEqual(script.running, ['a', 'b'], 'they may run together now');
      await use('c');
      assert.deepEqual(script.running, ['b', 'c'], 'c has taken the place of a');
    });

    it('counts models that ran before their group was written', async () => {
      await open(models);
      for (const model of ['a', 'b']) await use(model);
      await writeFile(join(lamina.modelsDir, 'models.yaml'), `${models}groups: { big: { models: [a, b, c] } }\n`);
      await lamina.models.reload();
      assert.deepEqual(script.running, ['a', 'b'], 'none is stopped for the change itself');
      assert.equal(lamina.runtime.memory().reserved['group:big'], 2);
      await use('c');
      assert.deepEqual(script.running, ['c']);
    });
  });

  describe('with preload', () => {
    const preloaded = `models:\n${entry('c', ', preload: true')}${entry('b')}${entry('a', ', preload: true, pinned: true')}`;

    it('loads models after the start, one after the other in its order, and stops them when idle unless pinned', async () => {
      await open(preloaded, { limits: { idleTimeout: 60 }, prepare: (it) => (it.automatic = false) });
      const first = await script.start(0);
      await settled();
      assert.deepEqual([first.model, script.starts.length], ['c', 1]);
      first.succeed();
      (await script.start(1)).succeed();
      await settled();
      assert.deepEqual(script.running, ['c', 'a']);
      await clock.advance(61_000);
      assert.deepEqual(script.running, ['a']);
    });

    it('starts although a model fails, and logs the failure once', async () => {
      const lines: string[] = [];
      const write = (_: object, message: string) => void lines.push(message);
      const log: Logger = {
        debug: () => undefined,
        info: () => undefined,
        warn: write,
        error: write,
        child: () => log,
      };
      await open(preloaded, { log, prepare: (it) => (it.automatic = false) });
      (await script.start(0)).fail('it is broken');
      (await script.start(1)).succeed();
      await settled();
      assert.deepEqual(script.running, ['a']);
      assert.deepEqual(
        lines.filter((line) => /"c"|at the start/.test(line)),
        ['Model "c" failed to start: it is broken'],
      );
    });

    it('loads a model and those that its server answers for once', async () => {
      const presets: Plugin = {
        name: 'presets',
        setup: ({ hooks }) =>
          hooks.describeModel.tap((model) => (model.name === 'a' ? { ...model, of: 'c' } : undefined)),
      };
      await open(preloaded, { plugins: [presets] });
      await settled();
      assert.deepEqual([script.running, script.starts.length], [['c'], 1]);
    });

    it('ends a load in progress when it is closed', async () => {
      await open(preloaded, { prepare: (it) => (it.automatic = false) });
      const start = await script.start(0);
      await lamina.close();
      assert.equal(start.over, true);
      assert.equal(script.starts.length, 1);
    });

    it('loads nothing beside another Lamina, nor for a command that ends soon', async () => {
      await open(preloaded, { mode: 'attached' });
      await settled();
      assert.equal(state('c'), 'stopped');
      await lamina.close();
      await open(preloaded, { downloads: { autoResume: false } });
      await settled();
      assert.deepEqual(script.starts, []);
    });
  });
});
