// The system's clock, with timers that a test runs early.
import type { Clock } from '@lamina/core';

/** See the first line of this file. */
export class HandClock implements Clock {
  #added: (ms: number, callback: () => void) => void = () => undefined;

  now(): number {
    return Date.now();
  }

  after(ms: number, callback: () => void): () => void {
    const timer = setTimeout(callback, ms).unref();
    this.#added(ms, callback);
    return () => clearTimeout(timer);
  }

  /** Waits for the next timer of this length, and runs it. */
  async runNext(wanted: number): Promise<void> {
    const run = await new Promise<() => void>((resolve) => {
      this.#added = (ms, callback) => ms === wanted && resolve(callback);
    });
    this.#added = () => undefined;
    run();
  }
}
