// A `.part` file: a file that is being downloaded, written at any position.
import { constants } from 'node:fs';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { ByteRanges, type ByteRange } from './pieces.js';

/** An open `.part` file. */
export class PartFile {
  private constructor(
    private readonly handle: FileHandle,
    /** The bytes that were written. */
    readonly written: ByteRanges,
  ) {}

  /**
   * Opens the file, or creates it. Of the ranges it should hold, those beyond its size are ignored. A file with a
   * second hard link belongs to another model: it is replaced, not written to.
   */
  static async open(path: string, held: readonly ByteRange[]): Promise<PartFile> {
    const existing = await stat(path).catch(() => undefined);
    if (existing !== undefined && existing.nlink > 1) await rm(path);
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const { size } = await handle.stat();
    return new PartFile(handle, new ByteRanges(new ByteRanges(held).list(size)));
  }

  /** Writes all of the bytes. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, position + done);
      this.written.add(position + done, position + done + bytesWritten);
      done += bytesWritten;
    }
  }

  /** Flushes to disk. Resolves with the ranges that survive a loss of power from now on. */
  async sync(): Promise<readonly ByteRange[]> {
    const held = this.written.list();
    await this.handle.datasync();
    return held;
  }

  truncate(bytes: number): Promise<void> {
    return this.handle.truncate(bytes);
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
