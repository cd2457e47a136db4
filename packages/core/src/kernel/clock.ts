// Real time behind the Clock interface; tests bind one they move by hand.
import type { Clock } from '../contract/context.js';

/** The clock of the machine. Its timers never keep the process alive: what waits is always something else. */
export const systemClock: Clock = {
  // performance.now and timers use CLOCK_MONOTONIC, which the system's date does not move.
  now: () => Math.round(performance.timeOrigin + performance.now()),
  date: (time) => new Date(time === undefined ? Date.now() : Date.now() + time - systemClock.now()),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Calls back repeatedly until the function it returns is called. */
export function every(clock: Clock, ms: number, callback: () => void): () => void {
  let cancel = clock.after(ms, tick);
  function tick(): void {
    cancel = clock.after(ms, tick);
    callback();
  }
  return () => cancel();
}
