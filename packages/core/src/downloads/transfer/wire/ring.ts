// A fixed piece of memory that a socket fills at one end while what came before is used at the other.

/** Bytes in the order they came. What is lent stays as it is until `release`. */
export class Ring {
  private readonly memory: Buffer;
  /** Where the next byte goes. */
  private head = 0;
  /** Bytes before `head` that are lent or wait to be. */
  private used = 0;
  private lent = 0;

  constructor(bytes: number) {
    this.memory = Buffer.allocUnsafeSlow(bytes);
  }

  /** How many more bytes there is room for. */
  get free(): number {
    return this.memory.length - this.used;
  }

  /** How many bytes came and were not lent. */
  get waiting(): number {
    return this.used - this.lent;
  }

  /**
   * Where the next bytes go: `most` of them, or as many as there is room for in one piece. It stays free until
   * something is put there.
   */
  room(most: number): Buffer {
    return this.memory.subarray(this.head, Math.min(this.memory.length, this.head + Math.min(most, this.free)));
  }

  /** So many bytes are now in what `room` gave. */
  filled(bytes: number): void {
    this.head = (this.head + bytes) % this.memory.length;
    this.used += bytes;
  }

  /** All that waits, as far as it is in one piece; `undefined` when nothing does. */
  lend(): Buffer | undefined {
    const { waiting } = this;
    if (waiting === 0) return undefined;
    const from = (this.head - waiting + this.memory.length) % this.memory.length;
    const bytes = this.memory.subarray(from, Math.min(this.memory.length, from + waiting));
    this.lent += bytes.length;
    return bytes;
  }

  /** What was lent is no longer used. */
  release(): void {
    this.used -= this.lent;
    this.lent = 0;
  }
}
