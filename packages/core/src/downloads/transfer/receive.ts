// Takes the bytes of one answer to their place in the file as they come, and notices when none come.
import type { Clock } from '../../contract/context.js';
import type { Space } from '../space.js';
import type { Body } from './body.js';
import { fault } from './fault.js';
import type { PartFile } from './part-file.js';
import type { Piece } from './pieces.js';
import type { Arrival } from './plenty.js';

/** Where the bytes of a body go. */
export interface Receiving {
  readonly piece: Piece;
  readonly part: PartFile;
  readonly space: Space;
  readonly clock: Clock;
  /** Where the body ends by what its head, or an earlier answer, says; Infinity when nothing says so. */
  readonly end: number;
  arrived(arrival: Arrival): void;
}

/**
 * Writes the body to the piece's place until the piece, or the body, ends. A body that ends with its piece is read to
 * its end, so that its connection can be used again. The answer says how the body compares to its announced end.
 */
export async function receive(
  body: Body,
  { piece, part, space, clock, end, arrived }: Receiving,
): Promise<'whole' | 'short' | 'long'> {
  let since = clock.now();
  for await (const chunk of body) {
    const came = clock.now();
    const { position } = piece;
    if (position + chunk.length > end) return 'long';
    const taken = chunk.subarray(0, Math.max(0, piece.to - position));
    if (taken.length === 0) return 'whole';
    piece.position += taken.length; // Before it is written, so that no other connection is given these bytes.
    await space.use(taken.length, () => part.write(taken, position));
    const written = clock.now();
    arrived({ bytes: taken.length, waitedMs: came - since, writingMs: written - came });
    since = written;
  }
  return end !== Infinity && piece.position < piece.to ? 'short' : 'whole';
}

/** Runs `work` with a signal that is aborted when `lastAt()` is longer ago than `stallMs`, or `signal` is aborted. */
export async function whileBytesCome<T>(
  clock: Clock,
  stallMs: number,
  lastAt: () => number,
  signal: AbortSignal,
  stalled: string,
  work: (signal: AbortSignal, abort: (reason: Error) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const passOn = () => controller.abort(signal.reason);
  signal.addEventListener('abort', passOn, { once: true });
  let cancel: () => void = () => undefined;
  const watch = () => {
    const left = lastAt() + stallMs - clock.now();
    if (left <= 0) controller.abort(fault('stall', stalled));
    else cancel = clock.after(left, watch);
  };
  watch();
  try {
    signal.throwIfAborted();
    return await work(controller.signal, (reason) => controller.abort(reason));
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    cancel();
    signal.removeEventListener('abort', passOn);
  }
}
