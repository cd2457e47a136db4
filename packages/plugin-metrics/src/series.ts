// The time series of one model, or of all together: five windows of buckets.
import { Ring, type Bucket, type Counts, type Gauges } from './ring.js';

const second = 1_000;
const minute = 60 * second;

/** Window → the length of its buckets in milliseconds, and how many there are. */
export const windows = {
  '5m': { ms: 2 * second, buckets: 150 },
  '15m': { ms: 5 * second, buckets: 180 },
  '1h': { ms: 15 * second, buckets: 240 },
  '6h': { ms: minute, buckets: 360 },
  '24h': { ms: 5 * minute, buckets: 288 },
} as const;

/** The name of a window. */
export type WindowName = keyof typeof windows;

/** See the first line of this file. Everything is written into each window at once, so all have the same sums. */
export class Series {
  readonly #rings = new Map(
    Object.entries(windows).map(([name, { buckets, ms }]) => [name as WindowName, new Ring(buckets, ms)]),
  );
  readonly #all = [...this.#rings.values()];

  /** The memory it takes. */
  get bytes(): number {
    return this.#all.reduce((sum, ring) => sum + ring.bytes, 0);
  }

  add(now: number, counts: Counts): void {
    for (const ring of this.#all) ring.add(now, counts);
  }

  sample(now: number, gauges: Gauges): void {
    for (const ring of this.#all) ring.sample(now, gauges);
  }

  addTtft(now: number, seconds: number): void {
    for (const ring of this.#all) ring.addTtft(now, seconds);
  }

  /** The buckets with these numbers, as {@link Ring.read}. */
  read(window: WindowName, numbers: readonly number[]): (Bucket | undefined)[] {
    const ring = this.#rings.get(window)!;
    return numbers.map((number) => ring.read(number));
  }
}
