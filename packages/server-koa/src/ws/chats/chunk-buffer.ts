// The chunks of one chat that may have to be sent again, numbered from 1.

/** How many characters are sent at once; a chunk that is larger is sent alone. */
const batchSize = 64 * 1024;

/** What a chunk takes besides its text. */
const overhead = 64;

/** The latest chunks of a chat, as the engine wrote them. */
export class ChunkBuffer {
  readonly #chunks: string[] = [];
  #dropped = 0;
  #size = 0;

  /** The number of the oldest chunk that is kept. */
  get oldest(): number {
    return this.#dropped + 1;
  }

  /** The number of the latest chunk; 0 before the first. */
  get last(): number {
    return this.#dropped + this.#chunks.length;
  }

  /** The size in characters, each of which takes one or two bytes. */
  get size(): number {
    return this.#size;
  }

  push(chunk: string): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length + overhead;
  }

  /** The chunks from a number on, as many as should be sent at once. */
  batch(from: number): string[] {
    const begin = from - this.oldest;
    let end = begin;
    for (let size = 0; size < batchSize && end < this.#chunks.length; end++) size += this.#chunks[end]!.length;
    return this.#chunks.slice(begin, end);
  }

  /** Drops the oldest chunks before a number while more than `size` characters are kept. */
  trim(size: number, before: number): void {
    if (this.#size <= size) return;
    let count = 0;
    while (this.#size > size && this.oldest + count < before) {
      this.#size -= this.#chunks[count]!.length + overhead;
      count++;
    }
    this.#chunks.splice(0, count);
    this.#dropped += count;
  }
}
