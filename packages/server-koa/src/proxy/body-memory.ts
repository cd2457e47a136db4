// Bounds the bytes of request bodies that are in memory at once, over all requests of a server.
import { LaminaError } from '@lamina/core';

/** How long a body waits for others to be released before its request is refused. */
const waitMs = 5_000;

/** The bytes one request holds. Release it in every case. */
export interface BodyShare {
  /**
   * Adds bytes. `undefined` when there was room at once; else a promise, rejected with `SERVER_OVERLOADED` after 5 s.
   */
  add(bytes: number): Promise<void> | undefined;
  /** Gives some bytes back, or all of them for good; whoever waits for room is served. Safe to call twice. */
  release(bytes?: number): void;
}

interface Waiting {
  readonly bytes: number;
  readonly admit: () => void;
}

/** The memory that all request bodies of a server share. Requests that find it full wait, first come, first served. */
export class BodyMemory {
  #held = 0;
  readonly #waiting: Waiting[] = [];

  constructor(
    /** In bytes. */
    readonly limit: number,
  ) {}

  /** A share for one request, empty at first. */
  open(): BodyShare {
    let own = 0;
    let isReleased = false;
    const hold = (bytes: number): void => {
      if (isReleased) return;
      own += bytes;
      this.#held += bytes;
    };
    return {
      add: (bytes) => {
        if (bytes === 0) return undefined;
        if (this.#waiting.length === 0 && this.#fits(bytes)) return void hold(bytes);
        return this.#wait(bytes, () => hold(bytes));
      },
      release: (bytes) => {
        isReleased ||= bytes === undefined;
        const given = Math.min(bytes ?? own, own);
        own -= given;
        this.#held -= given;
        this.#admitWaiting();
      },
    };
  }

  #fits(bytes: number): boolean {
    return this.#held + bytes <= this.limit;
  }

  #wait(bytes: number, hold: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        clearTimeout(timer);
        hold();
        resolve();
      };
      const waiting = { bytes, admit };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(
          new LaminaError('SERVER_OVERLOADED', { held_bytes: this.#held, limit_bytes: this.limit, retry_after: 1 }),
        );
        this.#admitWaiting();
      };
      const timer = setTimeout(giveUp, waitMs).unref();
      this.#waiting.push(waiting);
    });
  }

  #admitWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      next.admit();
    }
  }
}
