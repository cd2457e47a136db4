// A server that can sleep gives its memory to another model without being stopped, and needs it back to wake.
import assert from 'node:assert/strict';
import { LaminaError } from '@lamina/core';
import type { MemoryEstimate } from '@lamina/core/plugin';
import { stage, type Stage } from './scripted-lamina.js';

/** On a GPU of 100 bytes. */
const on = (bytes: number, asleep?: number): MemoryEstimate => ({
  hostBytes: 0,
  deviceBytes: { GPU: bytes },
  contextLength: 1,
  ...(asleep === undefined ? {} : { asleep: { hostBytes: 0, deviceBytes: { GPU: asleep } } }),
});

describe('a model whose server can sleep', () => {
  let it_: Stage;
  const use = async (
    estimates: Readonly<Record<string, MemoryEstimate>>,
    { canSleep = true, ...options }: Parameters<typeof stage>[0] & { canSleep?: boolean } = {},
  ) =>
    (it_ = await stage({
      limits: { maxLoaded: 10, starvationTimeout: 1 },
      prepare: (script) => {
        script.estimates = { ...estimates };
        script.canSleep = canSleep;
        script.availability = { available: true, devices: [{ name: 'GPU', totalBytes: 100, freeBytes: 100 }] };
      },
      ...options,
    }));
  const acquire = (model: string) => it_.lamina.runtime.acquire(model, { signal: it_.signal });
  const run = async (model: string) => (await acquire(model)).release({ served: true });
  const states = () => it_.lamina.runtime.slots().map(({ model, state }) => `${model} ${state}`);
  const reserved = () => it_.lamina.runtime.memory().reserved['GPU'] ?? 0;
  const stops = () =>
    it_.script.servers.flatMap(({ model, stops: reasons }) => reasons.map((why) => `${model} ${why}`));

  afterEach(() => it_.close());

  it('is put to sleep for another one, and not stopped, when that frees enough', async () => {
    await use({ a: on(80, 10), b: on(90) });
    await run('a');
    await run('b');
    assert.deepEqual(states(), ['a sleeping', 'b ready']);
    assert.equal(reserved(), 100);
    assert.deepEqual(stops(), []);
  });

  it('is stopped when what it keeps in its sleep is needed too', async () => {
    await use({ a: on(80, 10), b: on(91) });
    await run('a');
    await run('b');
    assert.deepEqual(states(), ['b ready']);
    assert.deepEqual(stops(), ['a evicted']);
  });

  it('is stopped when nobody says what its sleep frees', async () => {
    await use({ a: on(80), b: on(90) });
    await run('a');
    await run('b');
    assert.deepEqual(stops(), ['a evicted']);
  });

  it('is stopped when its server cannot sleep, whatever the estimate says', async () => {
    await use({ a: on(80, 10), b: on(90) }, { canSleep: false });
    await run('a');
    await run('b');
    assert.deepEqual(stops(), ['a evicted']);
  });

  it('is stopped later, when it sleeps and a third model needs what it keeps', async () => {
    await use({ a: on(80, 10), b: on(90, 5), c: on(95) });
    await run('a');
    await run('b');
    await run('c');
    assert.deepEqual(states(), ['b sleeping', 'c ready']);
    assert.deepEqual(stops(), ['a evicted']);
  });

  it('wakes in what another one gives back: it is put to sleep, or stopped, as for a start', async () => {
    await use({ a: on(80, 10), b: on(90, 10) });
    for (const model of ['a', 'b', 'a']) await run(model);
    assert.deepEqual(states(), ['a ready', 'b sleeping']);
    assert.equal(reserved(), 90);
    assert.equal(it_.script.starts.length, 2);
    assert.deepEqual(stops(), []);
  });

  it('does not wake while a busy model has its memory, and the request for it is told why', async () => {
    await use({ a: on(80, 10), b: on(90, 10) });
    await run('a');
    const lease = await acquire('b');
    const waiting = acquire('a');
    await it_.clock.advance(10);
    assert.deepEqual(states(), ['a sleeping', 'b ready']);
    assert.match(it_.lamina.runtime.slot('a').waitReason ?? '', /GPU.*"b" is busy/);
    lease.release({ served: true });
    (await waiting).release({ served: true });
    assert.deepEqual(states(), ['a ready', 'b sleeping']);
  });

  it('is refused when it could only wake in what a pinned model holds, and sleeps on', async () => {
    await use({ a: on(80, 10), b: on(90) }, { entries: { b: { pinned: true } } });
    await run('a');
    await run('b');
    await assert.rejects(acquire('a'), (error) => LaminaError.is(error, 'OUT_OF_MEMORY'));
    assert.deepEqual(states(), ['a sleeping', 'b ready']);
    assert.deepEqual(stops(), []);
  });

  it('wakes without making room when nothing was taken meanwhile', async () => {
    await use({ a: on(80, 10), b: on(10) }, { limits: { maxLoaded: 10, idleTimeout: 60 } });
    await run('a');
    await it_.clock.advance(61_000);
    assert.equal(reserved(), 10);
    await run('b');
    await run('a');
    assert.deepEqual(states(), ['a ready', 'b ready']);
    assert.equal(reserved(), 90);
  });

  it('gives everything back when it dies in its sleep, or fails to wake', async () => {
    await use({ a: on(80, 10), b: on(90) }, { limits: { maxLoaded: 10, loadTimeout: 0.02 } });
    await run('a');
    await run('b');
    it_.script.servers[0]!.crash();
    await it_.until('a', 'failed');
    assert.equal(reserved(), 90);
    await it_.lamina.runtime.stop('b');
    await run('a');
    await run('b');
    it_.script.hangs = 'wake';
    await it_.lamina.runtime.stop('b');
    await run('a'); // Another server, because the one that hung while it woke was ended.
    assert.equal(reserved(), 80);
    assert.deepEqual(stops().toSorted(), ['a unhealthy', 'b requested', 'b requested']);
  });

  it('is put to sleep once for two requests that need its memory', async () => {
    await use({ a: on(80, 10), b: on(40), c: on(40) });
    await run('a');
    await Promise.all([run('b'), run('c')]);
    assert.deepEqual(states(), ['a sleeping', 'b ready', 'c ready']);
    assert.equal(reserved(), 90);
  });
});
