// The system's clock is corrected, or the machine was asleep: only dates change.
import assert from 'node:assert/strict';
import { LaminaError } from '@lamina/core';
import { systemClock } from '../../dist/kernel/clock.js';
import { stage, type Stage } from './scripted-lamina.js';

const day = 24 * 60 * 60 * 1000;

describe('a jump of the system clock', () => {
  const systemNow = Date.now;
  let it_: Stage;
  const use = async (options: Parameters<typeof stage>[0] = {}) =>
    (it_ = await stage({ clock: systemClock, ...options }));
  const acquire = (model: string) => it_.lamina.runtime.acquire(model, { signal: it_.signal });
  const slot = (model: string) => it_.lamina.runtime.slot(model);
  const jump = (ms: number) => void (Date.now = () => systemNow() + ms);
  const untilDate = (date: string | undefined) => Date.parse(date ?? '') - Date.now();

  afterEach(async () => {
    Date.now = systemNow;
    await it_.close();
  });

  it('stops no idle model, and moves the date at which one will be stopped', async () => {
    await use({ limits: { idleTimeout: 60, maxLoaded: 2 } });
    (await acquire('a')).release({ served: true });
    jump(day);
    (await acquire('b')).release({ served: true });
    assert.equal(slot('a').state, 'ready');
    const left = untilDate(slot('a').idleAt);
    assert.ok(left > 0 && left <= 61_000, `stopped in ${left} ms`);
  });

  it('lets no request starve another one: it has not waited for a day', async () => {
    await use();
    const first = await acquire('a');
    const waiting = acquire('b');
    jump(day);
    const second = await acquire('a');
    for (const lease of [first, second]) lease.release({ served: true });
    (await waiting).release();
  });

  for (const [direction, ms] of [
    ['forward', day],
    ['back', -day],
  ] as const) {
    it(`${direction} changes no back-off, and the date of the next try follows it`, async () => {
      const { script } = await use({ prepare: (s) => (s.automatic = false) });
      const starting = assert.rejects(acquire('a'), /out of luck/);
      (await script.start(0)).fail('out of luck');
      await starting;
      jump(ms);
      await assert.rejects(
        acquire('a'),
        (error) => LaminaError.is(error, 'START_BACKING_OFF') && error.details['retry_after'] === 1,
      );
      const left = untilDate(slot('a').retryAt);
      assert.ok(left > 0 && left <= 1_001, `tried again in ${left} ms`);
    });
  }

  it('back gives no start a negative duration, and events have the new date', async () => {
    const { script, lamina } = await use({ prepare: (s) => (s.automatic = false) });
    const ready = lamina.events.once('model.ready', { signal: it_.signal });
    const lease = acquire('a');
    const start = await script.start(0);
    jump(-day);
    start.succeed();
    const { load_ms, at } = await ready;
    assert.ok(load_ms >= 0 && load_ms < day, String(load_ms));
    assert.ok(Math.abs(untilDate(at)) < 60_000, at);
    assert.ok(Math.abs(untilDate(slot('a').startedAt)) < 60_000);
    (await lease).release();
  });
});
