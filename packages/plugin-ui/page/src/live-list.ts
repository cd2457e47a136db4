// The newest items of a stream, for a list on the page: a bounded number, published once per frame, and not while paused.
import { computed, signal, type ReadonlySignal } from '@preact/signals';

/** An item with the number that it has in its list, from 1. */
export interface Numbered<Item> {
  readonly number: number;
  readonly item: Item;
}

/** The newest items of a stream. What is added while the list is paused is kept and counted, and shown later. */
export class LiveList<Item> {
  readonly #shown = signal<readonly Numbered<Item>[]>([]);
  /** The number of the newest item, also of one that is not shown. */
  readonly #newest = signal(0);
  readonly #isPaused = signal(false);
  readonly #waiting = computed(() => this.#newest.value - (this.#shown.value.at(-1)?.number ?? 0));
  readonly #kept: Numbered<Item>[] = [];
  #count = 0;
  #isScheduled = false;

  constructor(
    /** How many items are kept; older ones are dropped. */
    private readonly capacity: number,
    /** Calls a function before the next frame of the browser. */
    private readonly schedule: (run: () => void) => void = (run) => requestAnimationFrame(run),
  ) {}

  /** What is shown, oldest first. */
  get shown(): ReadonlySignal<readonly Numbered<Item>[]> {
    return this.#shown;
  }

  get isPaused(): ReadonlySignal<boolean> {
    return this.#isPaused;
  }

  /** How many items were added since the list was paused; 0 while it is not. */
  get waiting(): ReadonlySignal<number> {
    return this.#waiting;
  }

  /** Adds the newest item. */
  add(item: Item): void {
    this.#kept.push({ number: ++this.#count, item });
    // Not at every item: removing the first one moves all others.
    if (this.#kept.length >= 2 * this.capacity) this.#kept.splice(0, this.#kept.length - this.capacity);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.schedule(() => this.#publish());
  }

  /** Shows no more items until {@link resume}. */
  pause(): void {
    this.#isPaused.value = true;
  }

  /** Shows what was added meanwhile, and again what is added. */
  resume(): void {
    this.#isPaused.value = false;
    this.#publish();
  }

  #publish(): void {
    this.#isScheduled = false;
    this.#newest.value = this.#count;
    if (!this.#isPaused.value) this.#shown.value = this.#kept.slice(-this.capacity);
  }
}
