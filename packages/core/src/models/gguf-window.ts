// A small window that moves over a file, so that a header is read without ever holding the file.
import { readSync } from 'node:fs';

const windowBytes = 256 * 1024;
/** Enough for most of what stands before a vocabulary. */
const firstBytes = 32 * 1024;
/** The upper half of the largest number that is exact. */
const largestHigh = 0x1f_ffff;
/** One window at a time is in use: a header is read from its beginning to its end. */
const buffer = Buffer.allocUnsafeSlow(windowBytes);

/** A file that is not what it should be; the message says why. It never leaves this room: readers turn it into a reason. */
export class BrokenFile extends Error {
  constructor(
    message: string,
    /** True when it is of another format altogether. */
    readonly foreign = false,
  ) {
    super(message);
  }
}

/** Reads little-endian values in order. Call {@link GgufWindow.need} first; the reads themselves are synchronous. */
export class GgufWindow {
  private start = 0;
  private filled = 0;
  private cursor = 0;

  constructor(
    private readonly file: number,
    /** Reading beyond this byte means that the file ends too early, or lies. */
    private readonly end: number,
  ) {}

  /** Where the next value begins. */
  get position(): number {
    return this.start + this.cursor;
  }

  /** Bytes that can be read without {@link GgufWindow.need}. */
  get ready(): number {
    return this.filled - this.cursor;
  }

  /** Makes sure that the next `count` bytes, no more than the window, are ready. @throws BrokenFile when the file has fewer */
  need(count: number): void {
    if (this.ready >= count) return;
    this.refuseBeyond(count);
    buffer.copyWithin(0, this.cursor, this.filled);
    this.start += this.cursor;
    this.filled -= this.cursor;
    this.cursor = 0;
    while (this.filled < count) {
      const position = this.start + this.filled;
      const wanted = position === 0 ? Math.max(firstBytes, count) : windowBytes;
      const bytesRead = readSync(this.file, buffer, this.filled, Math.min(wanted, windowBytes - this.filled, this.end - position), position);
      if (bytesRead === 0) throw new BrokenFile('it became shorter while it was read');
      this.filled += bytesRead;
    }
  }

  /** Moves on without reading what is passed over. @throws BrokenFile when the file ends before */
  skip(count: number): void {
    this.refuseBeyond(count);
    if (count <= this.ready) {
      this.cursor += count;
      return;
    }
    this.start += this.cursor + count;
    this.cursor = 0;
    this.filled = 0;
  }

  /** The next `count` bytes, no more than the window. They are only good until the next call. */
  bytes(count: number): Buffer {
    this.need(count);
    const part = buffer.subarray(this.cursor, this.cursor + count);
    this.cursor += count;
    return part;
  }

  uint8(): number {
    return buffer.readUInt8(this.advance(1));
  }

  uint32(): number {
    return buffer.readUInt32LE(this.advance(4));
  }

  /** @throws BrokenFile for a number no file can mean */
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
        return buffer.readInt8(this.advance(1));
      case 2:
        return buffer.readUInt16LE(this.advance(2));
      case 3:
        return buffer.readInt16LE(this.advance(2));
      case 4:
        return this.uint32();
      case 5:
        return buffer.readInt32LE(this.advance(4));
      case 6:
        return buffer.readFloatLE(this.advance(4));
      case 10:
        return Number(buffer.readBigUInt64LE(this.advance(8)));
      case 11:
        return Number(buffer.readBigInt64LE(this.advance(8)));
      case 12:
        return buffer.readDoubleLE(this.advance(8));
      default:
        return this.uint8();
    }
  }

  /** Moves the cursor; the answer is where it was. */
  private advance(count: number): number {
    this.cursor += count;
    return this.cursor - count;
  }

  private refuseBeyond(count: number): void {
    if (this.position + count > this.end) throw new BrokenFile(`it ends within its header: byte ${this.position + count} is needed and only ${this.end} are there`);
  }
}
