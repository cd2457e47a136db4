// Takes the bytes of one answer to their place in the file, a mebibyte at a time or when the file is synced, and notices when none come.
import type { Clock } from '../../contract/context.js';
import type { Answer } from './http.js';
import { fault } from './fault.js';
import type { PartFile } from './part-file.js';
import type { Piece } from './pieces.js';

const batchBytes = 1024 * 1024;

/**
 * Writes the body to the piece's place until the piece, or the body, ends. What came before a failure is written too. A body that ends with
 * its piece is read to its end, so that its connection can be used again.
 */
export async function receive({ body }: Answer, piece: Piece, part: PartFile, arrived: (bytes: number) => void): Promise<void> {
  let batch: Uint8Array[] = [];
  let batched = 0;
  let writing: Promise<void> = Promise.resolve();
  const flush = () => {
    writing = writing.then(async () => {
      const [pieces, position] = [batch, piece.position - batched];
      batch = [];
      batched = 0;
      if (pieces.length > 0) await part.write(pieces, position);
    });
    writing.catch(() => undefined); // It is awaited before the next batch is full, and at the end.
    return writing;
  };
  const settle = part.beforeSync(flush);
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      const room = piece.to - piece.position;
      if (room <= 0) break;
      const taken = chunk.length > room ? chunk.subarray(0, room) : chunk;
      batch.push(taken);
      batched += taken.length;
      piece.position += taken.length;
      arrived(taken.length);
      if (batched < batchBytes) continue;
      const earlier = writing;
      void flush();
      await earlier;
    }
  } finally {
    settle();
    await flush();
  }
}

/** Runs `work` with a signal that is aborted when `lastAt()` is longer ago than `stallMs`, or `signal` is aborted. */
export async function whileBytesCome<T>(clock: Clock, stallMs: number, lastAt: () => number, signal: AbortSignal, stalled: string, work: (signal: AbortSignal, abort: (reason: Error) => void) => Promise<T>): Promise<T> {
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
