// Which connection fetches what: pieces in order, so that hashing can follow; at the end, what a slow one still has is
// shared.
import type { Range, RangeSet } from './ranges.js';

const mebibyte = 1024 * 1024;
const firstPiece = 8 * mebibyte;
const smallestShare = mebibyte;
/** A connection that is so many times slower than the others loses what it still has. */
const slowFactor = 4;

/** What one connection is fetching. */
export interface Piece {
  readonly from: number;
  /** It ends here; may be brought forward while it runs. */
  to: number;
  /** The next byte to come. */
  position: number;
  /** When it began, in milliseconds of the clock. */
  readonly startedAt: number;
}

/** How large pieces of a file are: enough of them to share, few enough not to matter. */
export function pieceSize(total: number | undefined): number {
  return total === undefined ? firstPiece : Math.min(Math.max(total / 64, 4 * mebibyte), 64 * mebibyte);
}

/**
 * The next piece of a file that is not here and nobody fetches. Of a file of unknown size the first is asked for, to
 * learn the size.
 */
export function nextPiece(
  written: RangeSet,
  total: number | undefined,
  active: Iterable<Piece>,
  now: number,
): Piece | undefined {
  if (total === undefined)
    return [...active].length > 0 ? undefined : piece([written.prefix, written.prefix + firstPiece], now);
  const taken = [...active].map(({ from, to }): Range => [from, to]);
  const gap = gapsBeside(written.gaps(total), taken)[0];
  return gap === undefined ? undefined : piece([gap[0], Math.min(gap[1], gap[0] + pieceSize(total))], now);
}

/**
 * Takes a share of what another connection has before it: half, or all of it from one that is far slower than the rest.
 */
export function share(active: ReadonlySet<Piece>, usualSpeed: number, now: number): Piece | undefined {
  const victims = [...active].map((victim) => ({
    victim,
    left: victim.to - victim.position,
    speed: speedOf(victim, now),
  }));
  const [slowest] = victims
    .filter(({ left }) => left > 0 && left !== Infinity)
    .sort((a, b) => b.left / b.speed - a.left / a.speed);
  if (slowest === undefined) return undefined;
  const { victim, left, speed } = slowest;
  const hopeless = now - victim.startedAt > 1000 && speed * slowFactor < usualSpeed;
  if (!hopeless && left < 2 * smallestShare) return undefined;
  const middle = hopeless && left < 2 * smallestShare ? victim.position : victim.position + Math.ceil(left / 2);
  const taken = piece([middle, victim.to], now);
  victim.to = middle;
  return taken;
}

/** Bytes a millisecond. */
function speedOf({ from, position, startedAt }: Piece, now: number): number {
  return Math.max(position - from, 1) / Math.max(now - startedAt, 1);
}

function piece([from, to]: Range, now: number): Piece {
  return { from, to, position: from, startedAt: now };
}

function gapsBeside(gaps: readonly Range[], taken: readonly Range[]): readonly Range[] {
  return taken.reduce<readonly Range[]>(
    (left, [from, to]) =>
      left.flatMap(([a, b]): Range[] =>
        [[a, Math.min(b, from)] as Range, [Math.max(a, to), b] as Range].filter(([x, y]) => x < y),
      ),
    gaps,
  );
}
