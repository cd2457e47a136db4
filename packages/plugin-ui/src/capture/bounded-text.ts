// A text that is kept as bytes up to a limit. Strings would not do: a part of a string keeps the whole one in memory, and
// one that was put together from tokens takes ten times as much.
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The beginning of a text that comes in pieces. */
export class BoundedText {
  #bytes = new Uint8Array(0);
  #length = 0;
  #isCut = false;

  constructor(private readonly maxBytes: number) {}

  /** The memory it takes. */
  get bytes(): number {
    return this.#bytes.length;
  }

  add(piece: string): void {
    if (this.#isCut) return;
    this.#reserve(Math.min(this.maxBytes, this.#length + Buffer.byteLength(piece)));
    const { read, written } = encoder.encodeInto(piece, this.#bytes.subarray(this.#length));
    this.#length += written;
    this.#isCut = read < piece.length;
  }

  /** The text, and whether more of it came than is kept. */
  view(): { readonly text: string; readonly cut: boolean } {
    return { text: decoder.decode(this.#bytes.subarray(0, this.#length)), cut: this.#isCut };
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.min(this.maxBytes, Math.max(bytes, 2 * this.#bytes.length)));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
