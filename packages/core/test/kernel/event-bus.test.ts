import assert from 'node:assert/strict';
import { createLog, type LaminaEvent } from '@lamina/core';
import { EventBus } from '../../dist/kernel/event-bus.js';
import { ManualClock } from '../runtime/manual-clock.js';

describe('events', () => {
  let clock: ManualClock;
  let bus: EventBus;
  let received: LaminaEvent[];

  beforeEach(() => {
    clock = new ManualClock();
    bus = new EventBus(clock, createLog('silent'));
    received = [];
    bus.onAny((event) => received.push(event));
  });

  const progress = (ratio: number) => bus.emit('model.progress', { model: 'a', stage: 'loading', ratio });

  it('have an increasing id, a time and their own fields, and are frozen', () => {
    bus.emit('model.stopped', { model: 'a', reason: 'idle' });
    bus.emit('model.removed', { model: 'a' });
    const [first, second] = received;
    assert.deepEqual(
      { ...first, id: '', at: '' },
      { id: '', at: '', type: 'model.stopped', model: 'a', reason: 'idle' },
    );
    assert.equal(Number(second!.id.split('-')[1]), Number(first!.id.split('-')[1]) + 1);
    assert.ok(Object.isFrozen(first));
  });

  it('reach every listener even when one of them throws', () => {
    const reached: string[] = [];
    bus.on('model.removed', () => {
      throw new Error('mine');
    });
    bus.on('model.removed', ({ model }) => reached.push(model));
    bus.emit('model.removed', { model: 'a' });
    assert.deepEqual(reached, ['a']);
  });

  it('of progress are emitted at most ten times a second per subject, the newest last', async () => {
    for (let step = 1; step <= 50; step++) progress(step / 50);
    assert.equal(received.length, 1);
    await clock.advance(100);
    assert.deepEqual(
      received.map((event) => (event as LaminaEvent<'model.progress'>).ratio),
      [1 / 50, 1],
    );
  });

  it('of progress never follow the final event', async () => {
    progress(0.1);
    progress(0.9);
    bus.emit('model.ready', { model: 'a', backend: 'x', load_ms: 1 });
    await clock.advance(1_000);
    assert.deepEqual(
      received.map(({ type }) => type),
      ['model.progress', 'model.ready'],
    );
    assert.equal(clock.pending, 0);
  });

  it('are replayed to a client that reconnects, without progress and log lines', () => {
    bus.emit('model.removed', { model: 'a' });
    const { last } = bus;
    progress(0.5);
    bus.emit('log.line', { model: 'a', stream: 'stderr', text: 'x' });
    bus.emit('model.removed', { model: 'b' });
    assert.deepEqual(
      bus.since(last)?.map((event) => (event as LaminaEvent<'model.removed'>).model),
      ['b'],
    );
    assert.deepEqual(bus.since(bus.last), []);
  });

  it('are reported as lost when they are no longer in the buffer', () => {
    bus.emit('model.removed', { model: 'first' });
    const { last } = bus;
    for (let count = 0; count <= 1_000; count++) bus.emit('model.removed', { model: `m${count}` });
    assert.equal(bus.since(last), undefined);
    assert.equal(bus.since('0000-1'), undefined);
  });

  it('can be awaited, and waiting can be aborted', async () => {
    const caller = new AbortController();
    const found = bus.once('model.removed', { signal: caller.signal, where: ({ model }) => model === 'b' });
    bus.emit('model.removed', { model: 'a' });
    bus.emit('model.removed', { model: 'b' });
    assert.equal((await found).model, 'b');
    const never = bus.once('model.removed', { signal: caller.signal });
    caller.abort();
    await assert.rejects(never, { code: 'ABORTED' });
  });
});
