// Which bytes of a file are here: sorted, separate ranges.

/** From a byte up to, not including, another. */
export type Range = readonly [from: number, to: number];

/** A set of bytes. */
export class RangeSet {
  private ranges: Range[] = [];

  constructor(ranges: Iterable<Range> = []) {
    for (const [from, to] of ranges) this.add(from, to);
  }

  add(from: number, to: number): void {
    if (to <= from) return;
    const touched = this.ranges.filter((range) => range[0] <= to && range[1] >= from);
    const apart = this.ranges.filter((range) => range[0] > to || range[1] < from);
    const joined: Range = [
      Math.min(from, ...touched.map((range) => range[0])),
      Math.max(to, ...touched.map((range) => range[1])),
    ];
    this.ranges = [...apart, joined].sort((a, b) => a[0] - b[0]);
  }

  clear(): void {
    this.ranges = [];
  }

  /** How many bytes are in it. */
  get bytes(): number {
    return this.ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  /** How many bytes are here from the beginning on, without a gap. */
  get prefix(): number {
    const first = this.ranges[0];
    return first?.[0] === 0 ? first[1] : 0;
  }

  /** What is missing of a file of that many bytes. */
  gaps(total: number): readonly Range[] {
    const gaps: Range[] = [];
    let position = 0;
    for (const [from, to] of this.ranges) {
      if (from > position) gaps.push([position, Math.min(from, total)]);
      position = to;
    }
    if (position < total) gaps.push([position, total]);
    return gaps.filter(([from, to]) => from < to);
  }

  /** The ranges as plain data, cut at `limit`. */
  list(limit = Infinity): readonly Range[] {
    return this.ranges.filter(([from]) => from < limit).map(([from, to]): Range => [from, Math.min(to, limit)]);
  }
}
