// Whether bytes come faster than they are written, so that another connection would bring no more of them and only cost
// more.
import type { Clock } from '../../contract/context.js';

/** About so many bytes back, what happened counts. */
const memoryBytes = 16 * 1024 * 1024;
/** After this time without a byte, nothing is plenty. */
const freshMs = 500;

/** Bytes of one connection that were written, and what that took. */
export interface Arrival {
  readonly bytes: number;
  /** How long nothing was there to be written. */
  readonly waitedMs: number;
  readonly writingMs: number;
}

/** Watches the bytes of one file. */
export class Plenty {
  private bytes = 0;
  private waitedMs = 0;
  private writingMs = 0;
  private at = -Infinity;

  constructor(private readonly clock: Clock) {}

  add({ bytes, waitedMs, writingMs }: Arrival): void {
    const fades = Math.max(0, 1 - bytes / memoryBytes);
    this.bytes = this.bytes * fades + bytes;
    this.waitedMs = this.waitedMs * fades + waitedMs;
    this.writingMs = this.writingMs * fades + writingMs;
    this.at = this.clock.now();
  }

  get holds(): boolean {
    return this.bytes > memoryBytes / 4 && this.writingMs > this.waitedMs && this.clock.now() - this.at < freshMs;
  }
}
