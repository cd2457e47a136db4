// Which bytes of a file are on disk, and which piece to request next.

const mebibyte = 1024 * 1024;
const minPieceBytes = 4 * mebibyte;
const maxPieceBytes = 8 * mebibyte;
/** A piece that is so many times slower than the average is requested again. */
const slowFactor = 4;
const slowAfterMs = 1_000;

/** From one byte up to, not including, another. */
export type ByteRange = readonly [from: number, to: number];

/** A set of bytes, kept as sorted, separate ranges. */
export class ByteRanges {
  private ranges: readonly ByteRange[] = [];

  constructor(ranges: Iterable<ByteRange> = []) {
    for (const [from, to] of ranges) this.add(from, to);
  }

  add(from: number, to: number): void {
    if (to <= from) return;
    const touching = this.ranges.filter((range) => range[0] <= to && range[1] >= from);
    const separate = this.ranges.filter((range) => range[0] > to || range[1] < from);
    const start = Math.min(from, ...touching.map((range) => range[0]));
    const end = Math.max(to, ...touching.map((range) => range[1]));
    this.ranges = [...separate, [start, end] as const].sort((a, b) => a[0] - b[0]);
  }

  clear(): void {
    this.ranges = [];
  }

  /** The number of bytes in the set. */
  get bytes(): number {
    return this.ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  /** The number of bytes from 0 up to the first gap. */
  get prefix(): number {
    const first = this.ranges[0];
    return first?.[0] === 0 ? first[1] : 0;
  }

  /** The first range at or after 0 that is not in the set, and ends at `total`; `undefined` when nothing is missing. */
  firstGap(total: number): ByteRange | undefined {
    const { prefix } = this;
    if (prefix >= total) return undefined;
    const next = this.ranges.find(([from]) => from > prefix)?.[0] ?? total;
    return [prefix, Math.min(next, total)];
  }

  /** The ranges as plain data, cut off at `limit`. */
  list(limit = Infinity): readonly ByteRange[] {
    return this.ranges.filter(([from]) => from < limit).map(([from, to]): ByteRange => [from, Math.min(to, limit)]);
  }
}

/** A part of a file that one request downloads. */
export interface Piece {
  from: number;
  /** Where the request ends; the response may end earlier or, for a whole file, later. */
  to: number;
  /** The next byte to write. */
  position: number;
  /** When its request was sent; `undefined` while it waits for a connection. */
  startedAt?: number;
  /** It replaces a slow request. */
  readonly isSecondRequest: boolean;
  readonly abort: AbortController;
}

/**
 * The next range that is neither on disk nor being downloaded. While the size is unknown, only one piece is
 * downloaded at a time.
 */
export function nextRange(
  written: ByteRanges,
  total: number | undefined,
  pieces: Iterable<Piece>,
): ByteRange | undefined {
  const running = [...pieces];
  if (total === undefined) return running.length > 0 ? undefined : [written.prefix, written.prefix + maxPieceBytes];
  const covered = new ByteRanges([...written.list(), ...running.map(({ from, to }): ByteRange => [from, to])]);
  const gap = covered.firstGap(total);
  const size = Math.min(Math.max(Math.ceil(total / 8), minPieceBytes), maxPieceBytes);
  return gap === undefined ? undefined : [gap[0], Math.min(gap[1], gap[0] + size)];
}

/**
 * The running piece that is far slower than the average of all requests so far, in bytes per millisecond. None is
 * returned a second time: when the server as a whole has become slow, more requests do not help.
 */
export function slowPiece(pieces: Iterable<Piece>, averageSpeed: number, now: number): Piece | undefined {
  return [...pieces].find(({ from, to, position, startedAt = now, isSecondRequest }) => {
    const elapsed = now - startedAt;
    const speed = (position - from) / Math.max(elapsed, 1);
    const isReplaced = position >= to; // It stays among the running ones until its request has ended.
    return (
      !isSecondRequest && !isReplaced && to !== Infinity && elapsed > slowAfterMs && speed * slowFactor < averageSpeed
    );
  });
}
