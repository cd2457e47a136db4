// Items that arrive faster or slower than they are read.
import { LaminaClientError } from './error.js';

/** The most items that wait for their reader; a chunk of a chat is about 200 bytes. */
const maxWaiting = 65_536;

/** A queue with one reader. It ends for the reader when what arrived before the end is read. */
export class Queue<Item> {
  #items: Item[] = [];
  /** Those that the reader has taken to read them one after another. */
  #taken = 0;
  #end: { readonly error?: LaminaClientError } | undefined;
  #wake: (() => void) | undefined;

  /** Adds an item. Returns false when the reader is too slow: the queue has ended with an error then. */
  push(item: Item): boolean {
    if (this.#items.length + this.#taken >= maxWaiting) {
      const message = `More than ${maxWaiting} parts of the answer wait to be read.`;
      this.end(new LaminaClientError({ code: 'READ_TOO_SLOWLY', message }));
    }
    if (this.#end !== undefined) return false;
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** Ends the queue, with an error or without. */
  end(error?: LaminaClientError): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake?.();
  }

  /** Ends the queue at once: what is not read yet is dropped. */
  abort(error: LaminaClientError): void {
    this.#items = [];
    this.#taken = 0;
    this.#end = { error };
    this.#wake?.();
  }

  /** Reads what arrives. @throws LaminaClientError the error it ended with */
  async *read(): AsyncGenerator<Item, void, undefined> {
    for (;;) {
      const items = this.#items;
      this.#items = [];
      this.#taken = items.length;
      for (let index = 0; this.#taken > 0; index++) {
        this.#taken--;
        yield items[index]!;
      }
      if (this.#items.length > 0) continue;
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
