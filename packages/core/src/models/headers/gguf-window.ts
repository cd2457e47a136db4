// A small window that moves over a file, so that a header is read without loading the file.
import type { FileHandle } from 'node:fs/promises';

const windowBytes = 256 * 1024;
/** Most of what precedes a vocabulary is in the first read. */
const firstBytes = 32 * 1024;
/** The upper half of the largest safe integer. */
const largestHigh = 0x1f_ffff;

/** A file that is not valid; the message says why. */
export class BrokenFile extends Error {
  constructor(
    message: string,
    /** True when the file is of another format. */
    readonly wrongFormat = false,
  ) {
    super(message);
  }
}

/** Reads little-endian values in order. Call {@link GgufWindow.need} before reading a value. */
export class GgufWindow {
  private readonly buffer = Buffer.allocUnsafe(windowBytes);
  private start = 0;
  private filled = 0;
  private cursor = 0;

  constructor(
    private readonly file: FileHandle,
    /** Values beyond this byte mean that the file is truncated, or damaged. */
    private readonly end: number,
  ) {}

  /** Where the next value begins. */
  get position(): number {
    return this.start + this.cursor;
  }

  /**
   * Loads the next `count` bytes, at most the size of the window.
   * @throws BrokenFile when the file has fewer
   */
  async need(count: number): Promise<void> {
    if (this.loaded >= count) return;
    this.refuseBeyond(count);
    this.buffer.copyWithin(0, this.cursor, this.filled);
    this.start += this.cursor;
    this.filled -= this.cursor;
    this.cursor = 0;
    while (this.filled < count) {
      const position = this.start + this.filled;
      const wanted = position === 0 ? Math.max(firstBytes, count) : windowBytes;
      const length = Math.min(wanted, windowBytes - this.filled, this.end - position);
      const { bytesRead } = await this.file.read(this.buffer, this.filled, length, position);
      if (bytesRead === 0) throw new BrokenFile('it became shorter while it was read');
      this.filled += bytesRead;
    }
  }

  /** Moves on without reading. @throws BrokenFile when the file ends before */
  skip(count: number): void {
    this.refuseBeyond(count);
    if (count <= this.loaded) {
      this.cursor += count;
      return;
    }
    this.start += this.cursor + count;
    this.cursor = 0;
    this.filled = 0;
  }

  /** Skips strings: their lengths must be read. Vocabularies have 100,000 of them, so most are skipped without waiting. */
  async skipStrings(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1) {
      if (this.loaded < 8) await this.need(8);
      this.skip(this.uint64());
    }
  }

  /** The next `count` bytes as text. */
  text(count: number, encoding: 'utf8' | 'latin1' = 'utf8'): string {
    const from = this.advance(count);
    return this.buffer.toString(encoding, from, this.cursor);
  }

  uint8(): number {
    return this.buffer.readUInt8(this.advance(1));
  }

  uint32(): number {
    return this.buffer.readUInt32LE(this.advance(4));
  }

  /** @throws BrokenFile for a number that is not a safe integer */
  uint64(): number {
    const low = this.uint32();
    const high = this.uint32();
    if (high > largestHigh) throw new BrokenFile(`it has an impossible number at byte ${this.position - 8}`);
    return high * 2 ** 32 + low;
  }

  /** A number of a GGUF value type. */
  number(type: number): number {
    switch (type) {
      case 1:
        return this.buffer.readInt8(this.advance(1));
      case 2:
        return this.buffer.readUInt16LE(this.advance(2));
      case 3:
        return this.buffer.readInt16LE(this.advance(2));
      case 4:
        return this.uint32();
      case 5:
        return this.buffer.readInt32LE(this.advance(4));
      case 6:
        return this.buffer.readFloatLE(this.advance(4));
      case 10:
        return Number(this.buffer.readBigUInt64LE(this.advance(8)));
      case 11:
        return Number(this.buffer.readBigInt64LE(this.advance(8)));
      case 12:
        return this.buffer.readDoubleLE(this.advance(8));
      default:
        return this.uint8();
    }
  }

  private get loaded(): number {
    return this.filled - this.cursor;
  }

  /** Moves the cursor; returns where it was. */
  private advance(count: number): number {
    this.cursor += count;
    return this.cursor - count;
  }

  private refuseBeyond(count: number): void {
    if (this.position + count > this.end)
      throw new BrokenFile(
        `it ends within its header: byte ${this.position + count} is needed and only ${this.end} are there`,
      );
  }
}
