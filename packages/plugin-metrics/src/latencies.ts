// Times per bucket in bounded space: few are kept as they are, many as counts per interval, in the same memory.
import { binOf, percentileOf, secondBounds } from './distribution.js';

/** From this number of values on percentiles are told, else the values. */
const enough = 20;
const cells = enough; // As many as there are intervals: 19 bounds, and one interval above them.
const largest = 65_535;

/** A time as a whole number below 65,536: 0 to 3.6 hours, within 0.02 %. */
const scale = 4_000;
const encode = (seconds: number): number => Math.min(largest, Math.round(Math.log1p(seconds * 1_000) * scale));
const decode = (code: number): number => Math.round(Math.expm1(code / scale)) / 1_000;

/** What is known of the times of a bucket, in seconds. */
export interface LatencyView {
  readonly count: number;
  /** In the order of their requests; only of fewer than 20. */
  readonly values?: readonly number[];
  /** Only of 20 or more. */
  readonly p50?: number;
  readonly p95?: number;
}

/** The times of all buckets of a window. */
export class Latencies {
  readonly #counts: Uint16Array;
  readonly #cells: Uint16Array;

  constructor(buckets: number) {
    this.#counts = new Uint16Array(buckets);
    this.#cells = new Uint16Array(buckets * cells);
  }

  get bytes(): number {
    return this.#counts.byteLength + this.#cells.byteLength;
  }

  clear(bucket: number): void {
    this.#counts[bucket] = 0;
    this.#of(bucket).fill(0);
  }

  add(bucket: number, seconds: number): void {
    const own = this.#of(bucket);
    const count = this.#counts[bucket]!;
    if (count === largest) return;
    this.#counts[bucket] = count + 1;
    if (count + 1 < enough) own[count] = encode(seconds);
    else {
      const values = count + 1 === enough ? [...own.subarray(0, count)].map(decode) : [];
      if (values.length > 0) own.fill(0);
      for (const value of [...values, seconds]) own[binOf(secondBounds, value)]! += 1;
    }
  }

  view(bucket: number): LatencyView {
    const own = this.#of(bucket);
    const count = this.#counts[bucket]!;
    if (count < enough) return { count, values: [...own.subarray(0, count)].map(decode) };
    return { count, p50: percentileOf(own, secondBounds, 0.5), p95: percentileOf(own, secondBounds, 0.95) };
  }

  #of(bucket: number): Uint16Array {
    return this.#cells.subarray(bucket * cells, (bucket + 1) * cells);
  }
}
