// A small window that moves over a file, so that a header is read without ever holding the file.
import { readSync } from 'node:fs';

const windowBytes = 256 * 1024;
/** Enough for most of what stands before a vocabulary. */
const firstBytes = 32 * 1024;
/** The upper half of the largest number that is exact. */
const largestHigh = 0x1f_ffff;
/**
 * One window at a time is in use: a header is read from its beginning to its end. It does not begin where large memory
 * does, 16 bytes behind the beginning of a page: what a file's page is copied to there takes two and a half times as
 * long on some processors (4 KiB aliasing).
 */
const buffer = Buffer.allocUnsafeSlow(windowBytes + 64).subarray(64);
/** Its numbers: a view reads them at a quarter of the cost. */
const numbers = new DataView(buffer.buffer, buffer.byteOffset);

/**
 * A file that is not what it should be; the message says why. It never leaves this room: readers turn it into a reason.
 */
export class BrokenFile extends Error {
  constructor(
    message: string,
    /** True when it is of another format altogether. */
    readonly foreign = false,
  ) {
    super(message);
  }
}

/** Where a text is in a file. */
export interface TextPlace {
  readonly position: number;
  readonly length: number;
}

/**
 * Reads little-endian values in order. Call {@link GgufWindow.need} before `uint8`, `uint32`, `uint64` and `number`.
 */
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

  /**
   * Makes sure that the next `count` bytes, no more than the window, are ready.
   * @throws BrokenFile when the file has fewer
   */
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
      const bytesRead = readSync(
        this.file,
        buffer,
        this.filled,
        Math.min(wanted, windowBytes - this.filled, this.end - position),
        position,
      );
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

  /** Passes over strings: their lengths must be read, their bytes not. Vocabularies have 100,000 of them. */
  skipStrings(count: number): void {
    for (let left = this.skipReadyStrings(count); left > 0; left = this.skipReadyStrings(left - 1)) {
      this.need(8);
      this.skip(this.uint64());
    }
  }

  /** Passes over those that end within what is ready; the answer is how many are left. */
  private skipReadyStrings(count: number): number {
    let left = count;
    let cursor = this.cursor;
    for (const last = this.filled - 8; left > 0 && cursor <= last; left -= 1) {
      const end = cursor + 8 + numbers.getUint32(cursor, true);
      if (end > this.filled || numbers.getUint32(cursor + 4, true) !== 0) break;
      cursor = end;
    }
    this.cursor = cursor;
    return left;
  }

  /** The next `count` bytes, no more than the window, as text. */
  text(count: number, encoding: 'utf8' | 'latin1'): string {
    this.need(count);
    const from = this.advance(count);
    return buffer.toString(encoding, from, this.cursor);
  }

  /** Passes over a text of ASCII if it comes next; true then. */
  passes(text: string): boolean {
    this.need(text.length);
    for (let index = 0; index < text.length; index++)
      if (numbers.getUint8(this.cursor + index) !== text.charCodeAt(index)) return false;
    this.cursor += text.length;
    return true;
  }

  /** The beginning of a text that was passed over. */
  textAt({ position, length }: TextPlace, most: number): string {
    const bytes = Buffer.alloc(Math.min(length, most));
    return bytes.toString('utf8', 0, readSync(this.file, bytes, 0, bytes.length, position));
  }

  uint8(): number {
    return numbers.getUint8(this.advance(1));
  }

  uint32(): number {
    return numbers.getUint32(this.advance(4), true);
  }

  /**
   * What is multiplied by 2 ** 32 is a floating-point number from then on, and so is every position it is added to:
   * vocabularies would be passed over at a quarter of the speed.
   * @throws BrokenFile for a number no file can mean
   */
  uint64(): number {
    const low = this.uint32();
    const high = this.uint32();
    if (high > largestHigh) throw new BrokenFile(`it has an impossible number at byte ${this.position - 8}`);
    return high === 0 ? low : high * 2 ** 32 + low;
  }

  /** A number of a GGUF value type. */
  number(type: number): number {
    switch (type) {
      case 1:
        return numbers.getInt8(this.advance(1));
      case 2:
        return numbers.getUint16(this.advance(2), true);
      case 3:
        return numbers.getInt16(this.advance(2), true);
      case 4:
        return this.uint32();
      case 5:
        return numbers.getInt32(this.advance(4), true);
      case 6:
        return numbers.getFloat32(this.advance(4), true);
      case 10:
        return Number(numbers.getBigUint64(this.advance(8), true));
      case 11:
        return Number(numbers.getBigInt64(this.advance(8), true));
      case 12:
        return numbers.getFloat64(this.advance(8), true);
      default:
        return this.uint8();
    }
  }

  private get ready(): number {
    return this.filled - this.cursor;
  }

  /** Moves the cursor; the answer is where it was. */
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
