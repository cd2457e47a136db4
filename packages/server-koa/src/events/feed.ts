// Sends events to one reader, at its own speed: while it is full, events are skipped and later read from the history, or
// reported as lost.
import type { Events, LaminaEvent } from '@lamina/core';
import type { EventFilter } from './filter.js';

/** The receiver of events. */
export interface FeedReader {
  /** True while nothing more should be sent. */
  readonly full: boolean;
  /** Runs once when it is no longer full. */
  onDrain(run: () => void): void;
  event(event: LaminaEvent): void;
  /** Some events are lost. */
  reset(oldest: string): void;
}

/** The position of one reader in the events. */
export class EventFeed {
  readonly #stop: () => void;
  #last: string;
  #lagging = false;
  #stopped = false;

  /** Starts at once: with the events after `since`, or with the next one. */
  constructor(
    private readonly events: Events,
    private readonly filter: EventFilter,
    private readonly reader: FeedReader,
    since: string | undefined,
  ) {
    this.#last = since ?? events.last;
    this.#stop = events.onAny((event) => this.#onEvent(event));
    if (since !== undefined) this.#catchUp();
  }

  stop(): void {
    this.#stopped = true;
    this.#stop();
  }

  #onEvent(event: LaminaEvent): void {
    if (this.#lagging) return;
    if (this.reader.full) this.#lag();
    else this.#send(event);
  }

  #send(event: LaminaEvent): void {
    const visible = this.filter(event);
    this.#last = event.id;
    if (visible !== undefined) this.reader.event(visible);
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
      this.#send(event);
    }
  }
}
