// Lines of a protocol, cut out of bytes that come in pieces of any size.

/** A line without its end, and where the bytes after it begin. */
export interface Line {
  readonly text: string;
  readonly end: number;
}

/** Cuts lines. A single LF ends one too, as RFC 9112 allows. */
export class Lines {
  private begun = '';
  private left: number;

  constructor(private readonly most: number) {
    this.left = most;
  }

  /**
   * The line that goes on at `from`; `undefined` when its end has yet to come.
   * @throws Error when the lines since `renew` have too many bytes
   */
  next(bytes: Buffer, from: number): Line | undefined {
    const found = bytes.indexOf('\n', from);
    const end = found === -1 ? bytes.length : found + 1;
    this.left -= end - from;
    if (this.left < 0) throw new Error(`its answer has more than ${this.most} bytes of headers`);
    this.begun += bytes.toString('latin1', from, found === -1 ? end : found);
    if (found === -1) return undefined;
    const text = this.begun.replace(/\r$/, '');
    this.begun = '';
    return { text, end };
  }

  /** The lines so far count no longer. */
  renew(): void {
    this.left = this.most;
  }
}
