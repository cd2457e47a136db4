// The memory that the bodies of all requests share.
import { LaminaError } from '@lamina/core';

/** How long a body waits for memory before its request is refused. */
const memoryWaitMs = 5_000;

/** The bytes that one request holds. Release them in every case. */
export interface BodyShare {
  /**
   * Adds bytes. `undefined` when there is enough memory; else a promise, rejected with `SERVER_OVERLOADED` after 5 s.
   */
  add(bytes: number): Promise<void> | undefined;
  /** Releases some bytes, or all of them for good, and admits waiting bodies. Safe to call twice. */
  release(bytes?: number): void;
}

interface WaitingBody {
  readonly bytes: number;
  readonly admit: () => void;
}

/** The memory that all request bodies of a server share. When it is full, bodies wait, first come, first served. */
export class BodyMemory {
  #held = 0;
  readonly #waiting: WaitingBody[] = [];

  constructor(
    /** In bytes. */
    readonly limit: number,
  ) {}

  /** A share for one request, empty at first. */
  createShare(): BodyShare {
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
        const released = Math.min(bytes ?? own, own);
        own -= released;
        this.#held -= released;
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
      const refuse = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(
          new LaminaError('SERVER_OVERLOADED', { held_bytes: this.#held, limit_bytes: this.limit, retry_after: 1 }),
        );
        this.#admitWaiting();
      };
      const timer = setTimeout(refuse, memoryWaitMs).unref();
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
