// Whether bytes come faster than they are put away, so that another connection would bring no more of them and only cost more.
import type { Clock } from '../../contract/context.js';

/** A chunk this large has gathered while the one before it was put away. */
const gatheredBytes = 256 * 1024;
/** About so many bytes back, chunks count. */
const memoryBytes = 16 * 1024 * 1024;
/** After this time without a byte, nothing is plenty. */
const freshMs = 500;

/** Watches the chunks of one file. */
export class Plenty {
  /** Of the last bytes, the share that had gathered. */
  private gathered = 0;
  private at = -Infinity;

  constructor(private readonly clock: Clock) {}

  add(chunkBytes: number): void {
    const weight = Math.min(1, chunkBytes / memoryBytes);
    this.gathered += weight * ((chunkBytes >= gatheredBytes ? 1 : 0) - this.gathered);
    this.at = this.clock.now();
  }

  get holds(): boolean {
    return this.gathered > 0.5 && this.clock.now() - this.at < freshMs;
  }
}
