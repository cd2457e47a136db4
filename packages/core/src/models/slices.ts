// Long work in short slices, so that requests are answered in between.
import { setImmediate } from 'node:timers/promises';

const sliceMs = 5;
/** So many small steps cost less than a look at the clock is worth. */
const lookAfter = 64;

/** Gives way to the event loop whenever a slice of 5 ms is used up. */
export class Slices {
  private began = performance.now();
  private steps = 0;

  /** True when it is time to pause. */
  get over(): boolean {
    return performance.now() - this.began >= sliceMs;
  }

  /** As `over`, for steps of a microsecond: it looks at the clock every 64th time. */
  get overInSmallSteps(): boolean {
    this.steps += 1;
    return this.steps % lookAfter === 0 && this.over;
  }

  /** Call often; it does nothing while the slice lasts. */
  async pause(): Promise<void> {
    if (this.over) await this.giveWay();
  }

  /** Begins a new slice: call it between parts of the work that cannot be sliced, or slice themselves. */
  async giveWay(): Promise<void> {
    await setImmediate();
    this.began = performance.now();
  }
}
