// The SHA-256 of a file, also of one that is still being written.
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';

/** Hashing this much blocks the event loop for less than a millisecond. */
const chunkBytes = 256 * 1024;

/** Hashes a file from its beginning as far as it is complete, so that little is left to do at the end. Close it. */
export class FileHash {
  private readonly hash = createHash('sha256');
  private readonly buffer = Buffer.allocUnsafe(chunkBytes);
  private position = 0;
  private available = 0;
  private running: Promise<void> | undefined;
  private closed = false;

  private constructor(private readonly handle: FileHandle) {}

  static async open(path: string): Promise<FileHash> {
    return new FileHash(await open(path, 'r'));
  }

  /** The file is complete up to this byte: hashes that far in the background. Errors show in `digest`. */
  advance(to: number): void {
    this.available = Math.max(this.available, to);
    this.run().catch(() => undefined);
  }

  /** The SHA-256 of the first `bytes` bytes, in hexadecimal. Call it once. @throws the signal's reason */
  async digest(bytes: number, signal: AbortSignal): Promise<string> {
    this.available = Math.max(this.available, bytes);
    while (this.position < bytes) {
      signal.throwIfAborted();
      await this.run();
    }
    return this.hash.digest('hex');
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running?.catch(() => undefined);
    await this.handle.close();
  }

  private run(): Promise<void> {
    this.running ??= this.read().finally(() => (this.running = undefined));
    return this.running;
  }

  private async read(): Promise<void> {
    while (this.position < this.available && !this.closed) {
      const wanted = Math.min(chunkBytes, this.available - this.position);
      const { bytesRead } = await this.handle.read(this.buffer, 0, wanted, this.position);
      if (bytesRead === 0) throw new Error('the file is shorter than what was written to it');
      this.hash.update(this.buffer.subarray(0, bytesRead));
      this.position += bytesRead;
    }
  }
}

/** The SHA-256 of the first `bytes` bytes of a file, in hexadecimal. @throws the signal's reason */
export async function sha256OfFile(path: string, bytes: number, signal: AbortSignal): Promise<string> {
  const hash = await FileHash.open(path);
  try {
    return await hash.digest(bytes, signal);
  } finally {
    await hash.close();
  }
}
