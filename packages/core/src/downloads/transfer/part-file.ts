// A file that is being fetched: written at any place, with a record of what is in it.
import { constants } from 'node:fs';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { RangeSet, type Range } from './ranges.js';

/** One `.part` file. */
export class PartFile {
  private readonly writers = new Set<() => Promise<void>>();

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    /** What was written. */
    readonly written: RangeSet,
  ) {}

  /**
   * Opens the file, or creates it. Of what it is said to hold, only what is within its present size is believed. One that has a second name,
   * as another model's file, is left to that.
   */
  static async open(path: string, held: readonly Range[]): Promise<PartFile> {
    const there = await stat(path).catch(() => undefined);
    if (there !== undefined && there.nlink > 1) await rm(path);
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const { size } = await handle.stat();
    return new PartFile(path, handle, new RangeSet(new RangeSet(held).list(size)));
  }

  /** Writes all of the pieces, one after the other. */
  async write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    let at = position;
    for (let rest = pieces; rest.length > 0; ) {
      const { bytesWritten } = await this.handle.writev(rest, at);
      this.written.add(at, at + bytesWritten);
      at += bytesWritten;
      rest = withoutFirst(rest, bytesWritten);
    }
  }

  /** Whoever gathers bytes for the file writes them with `flush` when it is to be synced, until the answer is called. */
  beforeSync(flush: () => Promise<void>): () => void {
    this.writers.add(flush);
    return () => void this.writers.delete(flush);
  }

  /** Writes what is gathered; resolves with what would now survive the loss of power. A writer that fails says so itself. */
  async sync(): Promise<readonly Range[]> {
    await Promise.allSettled([...this.writers].map((flush) => flush()));
    const held = this.written.list();
    await this.handle.datasync();
    return held;
  }

  /** Cuts off what lies behind the end of the file. */
  trim(total: number): Promise<void> {
    return this.handle.truncate(total);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

function withoutFirst(pieces: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let left = bytes;
  let index = 0;
  while (index < pieces.length && left >= pieces[index]!.length) left -= pieces[index++]!.length;
  const [first, ...others] = pieces.slice(index);
  return first === undefined ? [] : [first.subarray(left), ...others];
}
