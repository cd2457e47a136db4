// Events for one reader, at its own speed: what it could not take at once is read again from those that are kept, or
// said to be lost.
import type { Events, LaminaEvent } from '@lamina/core';
import type { EventFilter } from './filter.js';

/** Where events go. */
export interface FeedReader {
  /** True while it should be sent nothing more. */
  readonly full: boolean;
  /** Runs once when it is no longer full. */
  onDrain(run: () => void): void;
  event(event: LaminaEvent): void;
  /** Some events are lost. */
  reset(oldest: string): void;
}

/** One reader's place among the events. */
export class EventFeed {
  readonly #stop: () => void;
  #last: string;
  #lagging = false;
  #stopped = false;

  /** Begins at once: with the events after `since`, or with those to come. */
  constructor(
    private readonly events: Events,
    private readonly filter: EventFilter,
    private readonly reader: FeedReader,
    since: string | undefined,
  ) {
    this.#last = since ?? events.last;
    this.#stop = events.onAny((event) => this.#hear(event));
    if (since !== undefined) this.#catchUp();
  }

  stop(): void {
    this.#stopped = true;
    this.#stop();
  }

  #hear(event: LaminaEvent): void {
    if (this.#lagging) return;
    if (this.reader.full) this.#lag();
    else this.#tell(event);
  }

  #tell(event: LaminaEvent): void {
    const told = this.filter(event);
    this.#last = event.id;
    if (told !== undefined) this.reader.event(told);
  }

  #lag(): void {
    this.#lagging = true;
    this.reader.onDrain(() => {
      if (this.#stopped) return;
      this.#lagging = false;
      this.#catchUp();
    });
  }

  #catchUp(): void {
    const missed = this.events.since(this.#last);
    if (missed === undefined) {
      this.#last = this.events.last;
      this.reader.reset(this.events.oldest);
      return;
    }
    for (const event of missed) {
      if (this.reader.full) return this.#lag();
      this.#tell(event);
    }
  }
}
