// The queue: its limits, for all models and for one, and the suggestion when to try again.
import assert from 'node:assert/strict';
import type { LaminaError } from '@lamina/core';
import { settled } from './manual-clock.js';
import { stage, type Stage } from './scripted-lamina.js';

describe('the queue', () => {
  let it_: Stage;
  const use = async (options: Parameters<typeof stage>[0] = {}) =>
    (it_ = await stage({ prepare: (script) => (script.info = { parallel: 1 }), ...options }));
  const acquire = (model: string) => it_.lamina.runtime.acquire(model, { signal: it_.signal });
  const waits = async (model: string) => {
    const lease = acquire(model);
    await settled();
    return lease;
  };
  const errorOf = (promise: Promise<unknown>) =>
    promise.then(
      () => assert.fail('it should have been refused'),
      (error: unknown) => error as LaminaError,
    );

  afterEach(() => it_.close());

  it('of a model is full at its own limit, and those of others are not', async () => {
    await use({ entries: { a: { limits: { queue_limit: 1 } } }, limits: { maxLoaded: 2 } });
    const [first, other] = [await acquire('a'), await acquire('b')];
    const waiting = [acquire('a'), acquire('b'), acquire('b')];
    const { code, message } = await errorOf(acquire('a'));
    assert.equal(code, 'QUEUE_FULL');
    assert.match(message, /^The queue of model "a" is full: 1 /);
    for (const lease of [first, other]) lease.release({ served: true });
    for (const lease of waiting) (await lease).release({ served: true });
  });

  it('of a model refuses what has waited for its own time, which is not that of others', async () => {
    const { clock } = await use({
      entries: { a: { limits: { queue_timeout: 5 } } },
      limits: { maxLoaded: 2, queueTimeout: 60 },
    });
    const [first, other] = [await acquire('a'), await acquire('b')];
    const refused = errorOf(acquire('a'));
    const waiting = acquire('b');
    await settled();
    await clock.advance(6_000);
    const { code, details } = await refused;
    assert.deepEqual([code, details['waited']], ['QUEUE_TIMEOUT', 5]);
    for (const lease of [first, other]) lease.release({ served: true });
    (await waiting).release();
  });

  it('does not count the time of a load as waiting', async () => {
    const { clock, script } = await use({ limits: { queueTimeout: 5 }, prepare: (s) => (s.automatic = false) });
    const waiting = acquire('a');
    const start = await script.start(0);
    await clock.advance(20_000);
    start.succeed();
    (await waiting).release();
  });

  it('suggests to try again after the time that those who wait will take, as seen before', async () => {
    const { clock } = await use({ entries: { a: { limits: { queue_limit: 3 } } } });
    const first = await acquire('a');
    const leases = [Promise.resolve(first), acquire('a'), acquire('a'), acquire('a')];
    await settled();
    for (const lease of leases.slice(0, 2)) {
      const held = await lease;
      await clock.advance(4_000);
      held.release({ served: true });
      await settled();
    }
    const more = acquire('a');
    await settled();
    const last = acquire('a');
    await settled();
    const { details } = await errorOf(acquire('a'));
    assert.deepEqual([details['waiting'], details['retry_after']], [3, 12]);
    for (const lease of [...leases.slice(2), more, last]) (await lease).release({ served: true });
  });

  it('suggests a second when nothing has been seen, and never more than a minute', async () => {
    const { clock } = await use({ entries: { a: { limits: { queue_limit: 2 } } } });
    const first = await acquire('a');
    const waiting = [acquire('a'), acquire('a')];
    await settled();
    assert.equal((await errorOf(acquire('a'))).details['retry_after'], 1);
    first.release({ served: true });
    const second = await waiting[0]!;
    await clock.advance(500_000);
    second.release({ served: true });
    const third = await waiting[1]!;
    const more = [acquire('a'), acquire('a')];
    await settled();
    assert.equal((await errorOf(acquire('a'))).details['retry_after'], 60);
    third.release({ served: true });
    for (const lease of more) (await lease).release({ served: true });
  });

  it('tells each request its place, again when it changes', async () => {
    await use();
    const places: number[] = [];
    const first = await acquire('a');
    const second = waits('a');
    await settled();
    const third = it_.lamina.runtime.acquire('a', {
      signal: it_.signal,
      onProgress: (progress) => progress.kind === 'queued' && places.push(progress.position),
    });
    await settled();
    first.release({ served: true });
    (await second).release({ served: true });
    (await third).release({ served: true });
    assert.deepEqual(places, [2, 1]);
  });
});
