// Splits a stream of server-sent events into its events, byte for byte.

/** The longest event, in bytes or characters: enough for an image or some seconds of sound in base64. */
export const maxEventLength = 8 * 1024 * 1024;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const nothing = Buffer.alloc(0);

/** Holds back what comes after the end of the last whole event. Lines end with `\n` or `\r\n`, as engines write them. */
export class EventSplitter {
  #rest: Buffer = nothing;

  /** What has arrived of an event that has not ended. */
  get rest(): Buffer {
    return this.#rest;
  }

  /** The events that are whole now, each with the blank line that ends it. */
  feed(bytes: Buffer): Buffer[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const events: Buffer[] = [];
    let start = 0;
    // A blank line may have begun in the bytes before.
    let line = all.indexOf(lineFeed, Math.max(0, this.#rest.length - 2));
    while (line >= 0) {
      const next = line + (all[line + 1] === carriageReturn ? 2 : 1);
      const isEnd = all[next] === lineFeed;
      if (isEnd) {
        events.push(all.subarray(start, next + 1));
        start = next + 1;
      }
      line = all.indexOf(lineFeed, isEnd ? start : line + 1);
    }
    this.#rest = all.subarray(start);
    return events;
  }
}
