// Long work in short slices, so that requests are answered in between.
import { setImmediate } from 'node:timers/promises';

const sliceMs = 8;

/** Gives way to the event loop whenever a slice of 8 ms is used up. */
export class Slices {
  private began = performance.now();

  /** True when it is time to pause. */
  get over(): boolean {
    return performance.now() - this.began >= sliceMs;
  }

  /** Call often; it does nothing while the slice lasts. */
  async pause(): Promise<void> {
    if (!this.over) return;
    await setImmediate();
    this.began = performance.now();
  }
}
