// Time that a test advances by hand.
import type { Clock } from '@lamina/core';

/** A clock that stands still until `advance`. */
export class ManualClock implements Clock {
  private time = 1_700_000_000_000;
  private timers: { at: number; callback: () => void }[] = [];

  /** How far the system's clock was set forward, in milliseconds: dates change, times of `now` do not. */
  setForwardMs = 0;

  now(): number {
    return this.time;
  }

  date(time = this.time): Date {
    return new Date(time + this.setForwardMs);
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.time + ms, callback };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((other) => other !== timer));
  }

  /**
   * Advances the time and runs due timers in order; the promises that a timer resolves settle before the next
   * one runs.
   */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.timers = this.timers.filter((other) => other !== next);
      this.time = Math.max(this.time, next.at);
      next.callback();
      await settled();
    }
    this.time = end;
    await settled();
  }

  get pending(): number {
    return this.timers.length;
  }
}

/** Requests to the file system, which take as long as the machine is busy. */
const fileRequest = /^(?:FSReq|FileHandleCloseReq)/;

/** Lets every promise settle that waits for nothing, or for the file system only. */
export async function settled(): Promise<void> {
  do {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  } while (process.getActiveResourcesInfo().some((name) => fileRequest.test(name)));
}
