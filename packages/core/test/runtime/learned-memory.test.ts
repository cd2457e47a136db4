// What a model took when it ran is what its next start reserves. The engines are processes; what they take is said by
// the test, except in the first one.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, LaminaError, tokens, type Lamina, type LaminaOptions, type Logger } from '@lamina/core';
import { fakePlugin } from '@lamina/testing';
import { ManualClock, settled } from './manual-clock.js';
import { SharedMemory } from './shared-memory.js';

const MB = 1_000_000;
const estimated = 100 * MB;
const day = 24 * 60 * 60 * 1000;
const entry = (options = {}) => ({
  path: 'tiny.fake',
  backend: 'fake',
  options: { memory_bytes: estimated, ...options },
});

describe('the memory that a model took before', () => {
  let modelsDir: string;
  let file: string;
  let clock: ManualClock;
  let system: SharedMemory;
  let warnings: { file?: string; reason?: string }[];
  let lamina: Lamina;
  const open: Lamina[] = [];

  beforeEach(async () => {
    modelsDir = await mkdtemp(join(tmpdir(), 'lamina-learned-'));
    file = join(modelsDir, '.lamina', 'memory.json');
    await writeFile(join(modelsDir, 'tiny.fake'), 'a fake model');
    clock = new ManualClock();
    system = new SharedMemory(10_000 * MB);
    warnings = [];
  });

  afterEach(async () => {
    for (const each of open.splice(0)) await each.close({ signal: AbortSignal.abort() });
    await rm(modelsDir, { recursive: true, force: true });
  });

  /** A Lamina on the models directory, after the end of the one before. */
  async function use({ memory = 9_000 * MB, ...options }: LaminaOptions & { memory?: number } = {}): Promise<void> {
    for (const each of open.splice(0)) await each.close();
    const ignore = () => undefined;
    const warn = (data: object) => void warnings.push(data);
    const log: Logger = { debug: ignore, info: ignore, warn, error: warn, child: () => log };
    lamina = await createLamina({
      modelsDir,
      manifest: { models: { tiny: entry() } },
      plugins: [fakePlugin()],
      configure: (container) => void container.rebind(tokens.SystemMemory).toConstantValue(system),
      limits: { memory },
      clock,
      log,
      ...options,
    });
    open.push(lamina);
  }

  const load = () => lamina.runtime.load('tiny', { signal: AbortSignal.timeout(60_000) });
  const held = () => lamina.runtime.slot('tiny').memory!;
  const reserved = () => held().reserved['host']!;
  const shown = () => ({ basis: held().basis, bytes: reserved() });

  async function measured(bytes: number): Promise<void> {
    while (held().residentBytes !== bytes) await settled();
  }

  /** Starts the model, whose engine takes so much, and stops it. */
  async function run(bytes: number): Promise<void> {
    system.resident = bytes;
    await load();
    await measured(bytes);
    await lamina.runtime.stop('tiny');
  }

  (process.platform === 'linux' ? it : it.skip)('is measured, and reserved for its next start', async () => {
    await use({ configure: () => undefined, manifest: { models: { tiny: entry({ memory_bytes: 1 }) } } });
    await load();
    await clock.advance(2_000);
    while (held().residentBytes === undefined) await settled();
    assert.equal(held().basis, 'estimate');
    await lamina.runtime.stop('tiny');
    await load();
    assert.equal(held().basis, 'learned');
    // More than a process of Node.js takes at the very least, and less than it ever takes when it only listens.
    assert.ok(reserved() > MB && reserved() < 1_000 * MB, `${reserved()} bytes`);
  });

  it('is reserved with a tenth more, so that it may grow a little', async () => {
    await use();
    await run(300 * MB);
    await load();
    assert.deepEqual(shown(), { basis: 'learned', bytes: 330 * MB });
  });

  it('lowers what is reserved step by step, when it is less than estimated', async () => {
    await use();
    const seen: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      await run(50 * MB);
      await load();
      seen.push(reserved());
      await lamina.runtime.stop('tiny');
    }
    assert.ok(seen[0]! < estimated && seen[0]! > seen[1]! && seen[1]! > seen[2]! && seen[2]! > 55 * MB, seen.join());
  });

  it('is still known to a new Lamina with the same data directory', async () => {
    await use();
    await run(300 * MB);
    await use();
    await load();
    assert.deepEqual(shown(), { basis: 'learned', bytes: 330 * MB });
  });

  it('is forgotten 90 days after the model last ran', async () => {
    await use();
    await run(300 * MB);
    clock.setForwardMs = 89 * day;
    await use();
    await run(300 * MB);
    clock.setForwardMs += 89 * day;
    await use();
    await load();
    assert.equal(held().basis, 'learned');
    await lamina.runtime.stop('tiny');
    clock.setForwardMs += 91 * day;
    await use();
    system.resident = undefined;
    await load();
    assert.deepEqual(shown(), { basis: 'estimate', bytes: estimated });
  });

  for (const [what, content] of [
    ['is cut off', '{"version":1,"entries":[["0123'],
    ['is of another version', '{"version":2,"entries":[]}'],
    ['has no entries', '{"version":1}'],
    ['is empty', ''],
  ] as const)
    it(`is ignored with a warning when its file ${what}, and the file is replaced`, async () => {
      await mkdir(join(modelsDir, '.lamina'));
      await writeFile(file, content);
      await use();
      assert.deepEqual(warnings, [{ file, reason: 'its content is not valid' }]);
      await run(300 * MB);
      await use();
      await load();
      assert.equal(held().basis, 'learned');
      assert.equal(warnings.length, 1);
    });

  it('is read without a warning when there is no file yet, and entries that are not valid are skipped', async () => {
    await use();
    await run(300 * MB);
    await lamina.close();
    const { entries } = JSON.parse(await readFile(file, 'utf8')) as { entries: unknown[] };
    const odd = [null, 'odd', [], ['key'], ['key', { need: 'much', peak: 1, at: 1 }], [1, { need: 1, peak: 1, at: 1 }]];
    await writeFile(file, JSON.stringify({ version: 1, entries: [...odd, ...entries] }));
    await use();
    await load();
    assert.equal(held().basis, 'learned');
    assert.deepEqual(warnings, []);
  });

  it('is not used for the same model with other options, and is used again with the first ones', async () => {
    await use();
    await run(300 * MB);
    system.resident = undefined;
    await lamina.models.save('tiny', entry({ chunks: 7 }));
    await load();
    assert.deepEqual(shown(), { basis: 'estimate', bytes: estimated });
    await lamina.runtime.stop('tiny');
    await lamina.models.save('tiny', entry());
    await load();
    assert.deepEqual(shown(), { basis: 'learned', bytes: 330 * MB });
  });

  it('raises what is reserved as soon as it is measured to be more', async () => {
    await use();
    system.resident = 50 * MB;
    await load();
    await measured(50 * MB);
    assert.equal(reserved(), estimated);
    system.resident = 150 * MB;
    await clock.advance(2_000);
    await measured(150 * MB);
    assert.deepEqual(shown(), { basis: 'estimate', bytes: 150 * MB });
    assert.equal(lamina.runtime.memory().reserved['host'], 150 * MB);
    system.resident = 120 * MB;
    await clock.advance(2_000);
    await measured(120 * MB);
    assert.equal(reserved(), 150 * MB);
  });

  it('is measured again after the process was short of files for a moment', async () => {
    await use();
    let failures = 0;
    system.residentBytes = () => {
      failures += 1;
      return Promise.reject(Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' }));
    };
    await load();
    assert.equal(failures, 1);
    system.residentBytes = () => Promise.resolve(300 * MB);
    await clock.advance(2_000);
    await measured(300 * MB);
  });

  it('does not make a model need more than the budget by the tenth that is added', async () => {
    await use();
    await run(300 * MB);
    await use({ memory: 310 * MB });
    await load();
    assert.deepEqual(shown(), { basis: 'learned', bytes: 310 * MB });
  });

  it('makes the start fail when it was more than the budget', async () => {
    await use();
    await run(300 * MB);
    await use({ memory: 290 * MB });
    const error = await load().then(
      () => assert.fail('it was not refused'),
      (thrown: unknown) => thrown,
    );
    assert.ok(LaminaError.is(error, 'OUT_OF_MEMORY'), String(error));
    assert.equal((error.details['needs'] as Record<string, number>)['host'], 300 * MB);
  });

  it('is not written by an attached Lamina', async () => {
    await use({ mode: 'attached' });
    await assert.rejects(load(), (error) => LaminaError.is(error, 'CONFLICT'));
    await lamina.close();
    assert.equal(existsSync(file), false);
    await use();
    await run(300 * MB);
    await use({ mode: 'attached' });
    const before = await readFile(file, 'utf8');
    await assert.rejects(load(), (error) => LaminaError.is(error, 'CONFLICT'));
    await lamina.close();
    assert.equal(await readFile(file, 'utf8'), before);
  });
});
