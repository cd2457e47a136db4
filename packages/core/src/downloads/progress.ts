// How fast bytes come, smoothed, and how much is left.
import type { Clock } from '../contract/context.js';

/** Older seconds count less: after this time, a third as much. */
const smoothingMs = 3_000;
const sampleMs = 200;

/** Measures one download. */
export class Speed {
  private perMs = 0;
  private counted = 0;
  private at: number;
  private known = false;

  constructor(private readonly clock: Clock) {
    this.at = clock.now();
  }

  add(bytes: number): void {
    this.counted += bytes;
  }

  /** Begins anew, as after a pause. */
  reset(): void {
    this.perMs = this.counted = 0;
    this.known = false;
    this.at = this.clock.now();
  }

  get bytesPerSecond(): number {
    const elapsed = this.clock.now() - this.at;
    if (elapsed >= sampleMs) {
      const weight = this.known ? 1 - Math.exp(-elapsed / smoothingMs) : 1;
      this.perMs += weight * (this.counted / elapsed - this.perMs);
      this.known = true;
      this.counted = 0;
      this.at += elapsed;
    }
    return Math.round(this.perMs * 1000);
  }
}
