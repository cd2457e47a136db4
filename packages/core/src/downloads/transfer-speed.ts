// Measures how fast a download is.
import type { Clock } from '../contract/context.js';

/** The speed is smoothed: after this time, a measurement counts a third. */
const smoothingMs = 3_000;
const sampleMs = 200;

/** Measures the speed of one download. */
export class TransferSpeed {
  private bytesPerMs: number | undefined;
  private bytes = 0;
  private since: number;

  constructor(private readonly clock: Clock) {
    this.since = clock.now();
  }

  add(bytes: number): void {
    this.bytes += bytes;
  }

  reset(): void {
    this.bytesPerMs = undefined;
    this.bytes = 0;
    this.since = this.clock.now();
  }

  get bytesPerSecond(): number {
    const elapsed = this.clock.now() - this.since;
    if (elapsed >= sampleMs) {
      const measured = this.bytes / elapsed;
      const weight = 1 - Math.exp(-elapsed / smoothingMs);
      this.bytesPerMs =
        this.bytesPerMs === undefined ? measured : this.bytesPerMs + weight * (measured - this.bytesPerMs);
      this.bytes = 0;
      this.since += elapsed;
    }
    return Math.round((this.bytesPerMs ?? 0) * 1000);
  }
}
