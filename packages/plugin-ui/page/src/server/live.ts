// A value of the server that is read again when events say that it may have changed. The state is in the server only.
import { signal, type ReadonlySignal } from '@preact/signals';
import type { LaminaClient } from '@lamina/client';

/** How long after an event the value is read, in milliseconds, so that many events are one request. */
const delay = 150;

/** How a value is read, and which events may change it. */
export interface LiveQuery<T> {
  read(signal: AbortSignal): Promise<T>;
  /** Types of events of the server. */
  readonly events: readonly string[];
}

/** A value that is kept up to date until it is closed. */
export class LiveValue<T> {
  readonly #value = signal<T | undefined>(undefined);
  readonly #problem = signal<string | undefined>(undefined);
  readonly #closing = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isReading = false;
  #isStale = false;

  constructor(
    client: LaminaClient,
    private readonly query: LiveQuery<T>,
  ) {
    const { signal } = this.#closing;
    for (const type of query.events) client.on(type as `${string}.${string}`, () => this.invalidate(), { signal });
    client.on('connected', () => this.invalidate(), { signal });
    client.on('gap', () => this.invalidate(), { signal });
    void this.#read();
  }

  /** The value; `undefined` before it was read. */
  get value(): ReadonlySignal<T | undefined> {
    return this.#value;
  }

  /** Why the last attempt to read it failed. */
  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  /** The value may have changed. */
  invalidate(): void {
    if (this.#isReading) this.#isStale = true;
    else this.#timer ??= setTimeout(() => void this.#read(), delay);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closing.abort();
  }

  async #read(): Promise<void> {
    this.#timer = undefined;
    this.#isReading = true;
    this.#isStale = false;
    try {
      const value = await this.query.read(this.#closing.signal);
      if (this.#closing.signal.aborted) return;
      this.#value.value = value;
      this.#problem.value = undefined;
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#problem.value = (error as Error).message;
    } finally {
      this.#isReading = false;
    }
    if (this.#isStale) this.invalidate();
  }
}
