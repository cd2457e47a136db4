// What models may use: what is refused, what waits, what is slow, and that memory is returned once.
import assert from 'node:assert/strict';
import { LaminaError, tokens, type Lease } from '@lamina/core';
import type { Device, MemoryEstimate } from '@lamina/core/plugin';
import { settled } from './manual-clock.js';
import { stage, type Stage } from './scripted-lamina.js';
import { SharedMemory } from './shared-memory.js';

const total = 1_000;
const budget = 800;

describe('the memory of models', () => {
  let it_: Stage;
  let system: SharedMemory;

  /** A Lamina whose models need what `needs` says, on a machine with 1000 bytes of which they may use 800. */
  async function use(
    needs: Readonly<Record<string, Partial<MemoryEstimate>>>,
    options: NonNullable<Parameters<typeof stage>[0]> & { devices?: readonly Device[] } = {},
  ): Promise<Stage> {
    const { devices = [], prepare, limits, ...rest } = options;
    system = new SharedMemory(total);
    it_ = await stage({
      models: Object.keys(needs),
      configure: (container) => void container.rebind(tokens.SystemMemory).toConstantValue(system),
      ...rest,
      limits: { memory: budget, maxLoaded: 100, ...limits },
      prepare: (script) => {
        for (const [model, need] of Object.entries(needs))
          script.estimates[model] = { hostBytes: 0, deviceBytes: {}, contextLength: 1, ...need };
        script.availability = { available: true, version: '1', devices };
        prepare?.(script);
      },
    });
    return it_;
  }

  const acquire = (model: string): Promise<Lease> => it_.lamina.runtime.acquire(model, { signal: it_.signal });
  const memory = () => it_.lamina.runtime.memory();
  const slot = (model: string) => it_.lamina.runtime.slot(model);
  const reserved = () => memory().reserved['host'] ?? 0;

  async function refusal(model: string): Promise<LaminaError> {
    const error = await acquire(model).then(
      () => assert.fail('it was not refused'),
      (thrown: unknown) => thrown,
    );
    assert.ok(LaminaError.is(error, 'OUT_OF_MEMORY'), String(error));
    return error;
  }

  afterEach(() => it_.close());

  it('refuses at once what never fits, and says the largest context that would', async () => {
    const { script } = await use({ a: { hostBytes: 900, contextLength: 4_096, largestContext: 2_048 } });
    const { details } = await refusal('a');
    assert.equal((details['needs'] as Record<string, number>)['host'], 900);
    assert.equal((details['budget'] as Record<string, number>)['host'], budget);
    assert.equal(details['hint'], 'A context of 2048 tokens would fit; this one is 4096.');
    assert.equal(script.starts.length, 0);
    assert.equal(reserved(), 0);
  });

  it('refuses what does not fit beside a pinned model, and names it', async () => {
    await use({ a: { hostBytes: 500 }, b: { hostBytes: 400 } }, { entries: { a: { pinned: true } } });
    (await acquire('a')).release();
    const { message, details } = await refusal('b');
    assert.match(message, /"a" \(pinned\) holds 1 kB/);
    assert.equal((details['held'] as Record<string, Record<string, number>>)['a']!['host'], 500);
    assert.deepEqual(it_.script.running, ['a']);
  });

  it('starts a model whose mapped weights do not fit, and says that it is slow', async () => {
    await use({ a: { hostBytes: 100, mappedBytes: 5_000 }, b: { hostBytes: 100, mappedBytes: 100 } });
    (await acquire('a')).release();
    assert.equal(slot('a').memory?.slow, true);
    assert.equal(reserved(), budget);
    (await acquire('b')).release();
    assert.equal(slot('b').memory?.slow, undefined);
    assert.deepEqual(it_.script.running, ['b']);
  });

  it('refuses what other programs leave no memory for, after a wait', async () => {
    const { clock, script } = await use({ a: { hostBytes: 500 } });
    system.others = 700;
    const refused = refusal('a');
    await settled();
    assert.equal(slot('a').state, 'queued');
    await clock.advance(6_000);
    const { message, details } = await refused;
    assert.match(message, /other programs leave 1 kB/);
    assert.equal(details['hint'], 'End other programs that use memory, or try again later.');
    assert.equal(script.starts.length, 0);
    assert.equal(reserved(), 0);
  });

  it('goes on with a start when other programs give memory back', async () => {
    const { clock } = await use({ a: { hostBytes: 500 } });
    system.others = 700;
    const waiting = acquire('a');
    await settled();
    assert.deepEqual(it_.script.running, []);
    system.others = 0;
    await clock.advance(1_000);
    (await waiting).release();
    assert.equal(reserved(), 500);
  });

  it('returns the memory of a model that is stopped', async () => {
    await use({ a: { hostBytes: 500 }, b: { hostBytes: 200 } });
    for (const model of ['a', 'b']) (await acquire(model)).release();
    assert.equal(reserved(), 700);
    await it_.lamina.runtime.stop('a', { signal: it_.signal });
    assert.equal(reserved(), 200);
  });

  it('returns the memory of a model that crashed', async () => {
    const { script } = await use({ a: { hostBytes: 500 }, b: { hostBytes: 200 } });
    for (const model of ['a', 'b']) (await acquire(model)).release();
    script.servers[0]!.crash();
    await it_.until('a', 'failed');
    assert.equal(reserved(), 200);
    await it_.lamina.runtime.stop('a', { signal: it_.signal });
    assert.equal(reserved(), 200);
  });

  it('returns the memory of a start that failed', async () => {
    const { script } = await use({ a: { hostBytes: 500 } }, { prepare: (s) => (s.automatic = false) });
    const failing = acquire('a');
    const start = await script.start(0);
    assert.equal(reserved(), 500);
    start.fail('no');
    await assert.rejects(failing, { code: 'MODEL_START_FAILED' });
    assert.equal(reserved(), 0);
  });

  it('gives the memory of an abandoned start to the model that needs it', async () => {
    const { script, lamina } = await use(
      { a: { hostBytes: 500 }, b: { hostBytes: 400 } },
      { prepare: (s) => (s.automatic = false) },
    );
    const client = new AbortController();
    const abandoned = lamina.runtime.acquire('a', { signal: client.signal });
    await script.start(0);
    client.abort();
    await assert.rejects(abandoned);
    assert.equal(reserved(), 500);
    const next = acquire('b');
    (await script.start(1)).succeed();
    (await next).release();
    assert.equal(script.starts[0]!.over, true);
    assert.equal(reserved(), 400);
  });

  it('keeps only what a model needs while it sleeps, and all of it again once it wakes', async () => {
    const { clock } = await use(
      { a: { hostBytes: 500, asleep: { hostBytes: 50, deviceBytes: {} } } },
      { prepare: (s) => (s.canSleep = true), entries: { a: { limits: { idle_timeout: 1 } } } },
    );
    (await acquire('a')).release();
    await clock.advance(1_500);
    await it_.until('a', 'sleeping');
    await settled();
    assert.equal(reserved(), 50);
    const lease = await acquire('a');
    assert.equal(reserved(), 500);
    lease.release();
    await it_.lamina.runtime.stop('a', { signal: it_.signal });
    assert.equal(reserved(), 0);
  });

  it('shows what models may use, and what is left of it', async () => {
    await use(
      { a: { hostBytes: 300, deviceBytes: { GPU0: 40 } } },
      { devices: [{ name: 'GPU0', totalBytes: 100 }], limits: { deviceMemory: { GPU0: 60 } } },
    );
    (await acquire('a')).release();
    system.others = 400;
    await settled();
    const { budget: most, reserved: held, free, totalBytes, availableBytes } = memory();
    assert.deepEqual([most['host'], most['GPU0'], totalBytes, availableBytes], [budget, 60, total, 600]);
    assert.deepEqual([held['host'], held['GPU0']], [300, 40]);
    assert.deepEqual([free['host'], free['GPU0']], [500, 20]);
  });

  it('says what models hold of each device, so that the next one goes to another', async () => {
    const gpu = (name: string) => ({ name, totalBytes: 100 });
    const { script } = await use({ a: { deviceBytes: { GPU0: 10 } }, b: {} }, { devices: [gpu('GPU0'), gpu('GPU1')] });
    for (const model of ['a', 'b']) (await acquire(model)).release();
    const reserved = script.machines.map(({ devices }) => devices.map(({ reservedBytes }) => reservedBytes));
    assert.deepEqual(reserved, [
      [0, 0],
      [10, 0],
    ]);
  });

  it('refuses what does not fit on a device', async () => {
    await use({ a: { deviceBytes: { GPU0: 101 } } }, { devices: [{ name: 'GPU0', totalBytes: 100 }] });
    const { details } = await refusal('a');
    assert.match(details['needed'] as string, /memory of GPU0$/);
  });
});
