// A clock whose time stands still until a test advances it; timers also run after their real time.
import type { Clock } from '@lamina/core';

export class TestClock implements Clock {
  #now: number;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  /** Begins at a multiple of five minutes, where buckets of all windows begin. */
  constructor() {
    this.#now = 5_666_666 * 300_000;
  }

  now(): number {
    return this.#now;
  }

  date(time = this.#now): Date {
    return new Date(time);
  }

  after(ms: number, callback: () => void): () => void {
    const cancel = () => {
      clearTimeout(timeout);
      this.#timers.delete(timer);
    };
    const run = () => {
      cancel();
      callback();
    };
    const timer = { at: this.#now + ms, run };
    const timeout = setTimeout(run, Math.min(ms, 2 ** 31 - 1)).unref();
    this.#timers.add(timer);
    return cancel;
  }

  /** Runs the timers that are due then. */
  advance(ms: number): void {
    this.#now += ms;
    for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) timer.run();
  }
}
