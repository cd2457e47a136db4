// The distribution of a value: how often it was in each interval, as a histogram of Prometheus counts it.

/** The upper bounds of times, in seconds. The series use them too, so that percentiles are the same everywhere. */
export const secondBounds: readonly number[] = [
  0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 20, 30, 60,
];

/** The upper bounds of speeds, in tokens per second. */
export const speedBounds: readonly number[] = [1, 2, 5, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, 1000];

/** The index of the first bound that is not below the value; the number of bounds when all are. */
export function binOf(bounds: readonly number[], value: number): number {
  const found = bounds.findIndex((bound) => value <= bound);
  return found < 0 ? bounds.length : found;
}

/** Values since the start. */
export class Distribution {
  /** Values per interval; the last one has no upper bound. */
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(readonly bounds: readonly number[]) {
    this.counts = bounds.map(() => 0).concat(0);
  }

  add(value: number): void {
    this.counts[binOf(this.bounds, value)]! += 1;
    this.count += 1;
    this.sum += value;
  }
}

/** A percentile from counts per interval, as `histogram_quantile` of Prometheus estimates it. */
export function percentileOf(counts: ArrayLike<number>, bounds: readonly number[], ratio: number): number {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  let left = ratio * total;
  for (const [bin, bound] of bounds.entries()) {
    const count = counts[bin]!;
    if (left > count) {
      left -= count;
      continue;
    }
    const lower = bounds[bin - 1] ?? 0;
    return lower + (bound - lower) * (count === 0 ? 0 : left / count);
  }
  return bounds.at(-1)!;
}
