// A file that is being fetched: written at any place, with a record of what is in it.
import { constants } from 'node:fs';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { RangeSet, type Range } from './ranges.js';

/** One `.part` file. */
export class PartFile {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    /** What was written. */
    readonly written: RangeSet,
  ) {}

  /**
   * Opens the file, or creates it. Of what it is said to hold, only what is within its present size is believed. One
   * that has a second name, as another model's file, is left to that.
   */
  static async open(path: string, held: readonly Range[]): Promise<PartFile> {
    const there = await stat(path).catch(() => undefined);
    if (there !== undefined && there.nlink > 1) await rm(path);
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const { size } = await handle.stat();
    return new PartFile(path, handle, new RangeSet(new RangeSet(held).list(size)));
  }

  /** Writes all of the bytes. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, position + done);
      this.written.add(position + done, position + done + bytesWritten);
      done += bytesWritten;
    }
  }

  /** Resolves with what would now survive the loss of power. */
  async sync(): Promise<readonly Range[]> {
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
