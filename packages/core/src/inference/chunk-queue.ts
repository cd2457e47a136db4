// The chunks between an engine that writes and a program that reads: bounded, one reader.
import type { JsonObject } from '../contract/schema.js';
import type { ChunkSink, StreamChunk } from './events.js';

/** From so many unread chunks on, the engine waits. */
const highWaterMark = 64;

/** Holds the chunks that nobody has read yet. */
export class ChunkQueue implements ChunkSink {
  #chunks: JsonObject[] = [];
  #isEnded = false;
  #onChange: (() => void) | undefined;
  #onDrain: (() => void) | undefined;

  write(chunks: readonly StreamChunk[]): boolean {
    for (const { json } of chunks) this.#chunks.push(json);
    this.#onChange?.();
    return this.#chunks.length < highWaterMark;
  }

  once(_event: 'drain', listener: () => void): void {
    this.#onDrain = listener;
  }

  /** No chunk follows; those that are there can still be read. */
  end(): void {
    this.#isEnded = true;
    this.#onChange?.();
  }

  /** The next chunk; `undefined` after the last one. */
  async next(): Promise<JsonObject | undefined> {
    while (this.#chunks.length === 0 && !this.#isEnded)
      await new Promise<void>((resolve) => (this.#onChange = resolve));
    const chunk = this.#chunks.shift();
    if (this.#chunks.length === 0) this.#drain();
    return chunk;
  }

  #drain(): void {
    const listener = this.#onDrain;
    this.#onDrain = undefined;
    listener?.();
  }
}
