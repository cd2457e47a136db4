// Listeners for events of the server and of the connection.
import type { Connection } from './connection.js';
import { errorOf, type LaminaClientError } from './error.js';
import type { ServerFrame } from './link.js';
import type { EventFields } from './wire.js';

/** A type of event of the server: docs/events.md. */
export type EventType = keyof EventFields;

/** What every event of the server has. */
export interface EventHead<Type extends string = string> {
  /** `<session>-<number>` */
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly type: Type;
}

/** An event of the server. */
export type LaminaEvent<Type extends EventType = EventType> = {
  [T in Type]: EventHead<T> & EventFields[T];
}[Type];

/** An event of a type that the client does not know: of a plugin, or of a newer server. */
export type UnknownEvent = EventHead & Readonly<Record<string, unknown>>;

/** The events of the client itself. */
export interface ClientEvents {
  /** A connection is open. `restarted`: the server was started again since the last one, so what is known of it is old. */
  readonly connected: { readonly scopes: readonly string[]; readonly restarted: boolean };
  /** The connection was lost; another one is opened while something needs it. */
  readonly disconnected: { readonly reason: string };
  /** Events of these types were missed and cannot be sent again: read the current state. */
  readonly gap: { readonly types: readonly string[] };
  /**
   * The server refuses the client, or the events of a type. Without a listener, and while somebody listens for events of
   * the server, it is written to the console.
   */
  readonly error: LaminaClientError;
}

type Listener = (event: never) => void;

interface Listeners {
  readonly all: Set<Listener>;
  /** The id of the subscription to events of the server. */
  readonly subscription?: string;
}

/**
 * The listeners of a client: of the same type, they share a subscription.
 * @internal
 */
export class Events {
  readonly #listeners = new Map<string, Listeners>();

  constructor(private readonly connection: Connection) {}

  /**
   * Adds a listener for some types of events of the server, `*` for all, or for one of the client. Returns a function that
   * removes it.
   */
  on(types: readonly string[], listener: Listener): () => void {
    const key = types.join();
    const listeners = this.#listeners.get(key) ?? this.#create(key, types);
    listeners.all.add(listener);
    return () => {
      if (!listeners.all.delete(listener) || listeners.all.size > 0) return;
      this.#remove(key, listeners);
    };
  }

  /** Calls the listeners for an event of the client. */
  emit<Type extends keyof ClientEvents>(type: Type, event: ClientEvents[Type]): void {
    const listeners = this.#listeners.get(type);
    if (listeners !== undefined) callAll(listeners.all, event);
    else if (type === 'error' && this.#hasSubscription) console.error((event as LaminaClientError).message);
  }

  get #hasSubscription(): boolean {
    return [...this.#listeners.values()].some(({ subscription }) => subscription !== undefined);
  }

  #create(key: string, types: readonly string[]): Listeners {
    const all = new Set<Listener>();
    const isOfServer = key === '*' || key.includes('.');
    const listeners = isOfServer ? { all, subscription: this.#subscribe(key, types, all) } : { all };
    this.#listeners.set(key, listeners);
    return listeners;
  }

  #remove(key: string, listeners: Listeners): void {
    if (this.#listeners.get(key) !== listeners) return;
    this.#listeners.delete(key);
    if (listeners.subscription !== undefined) this.connection.end(listeners.subscription);
  }

  #subscribe(key: string, types: readonly string[], listeners: Set<Listener>): string {
    const wanted = key === '*' ? {} : { types };
    /** The newest event of the server when it began to send, and the last event that arrived. */
    let beginning: unknown;
    let last: unknown;
    const receive = (frame: ServerFrame): void => {
      switch (frame.type) {
        case 'reply':
          beginning = (frame['result'] as { last: string }).last;
          last ??= beginning;
          return;
        case 'event':
          last = (frame['event'] as EventHead).id;
          return callAll(listeners, frame['event']);
        case 'reset':
          last = beginning;
          return this.emit('gap', { types });
        case 'error':
          this.connection.remove(id);
          this.emit('error', errorOf(frame));
          this.#listeners.delete(key);
          return;
      }
    };
    const id = this.connection.add({
      frame: () => ({ type: 'events.subscribe', ...wanted, ...(last === undefined ? {} : { since: last }) }),
      endFrame: { type: 'events.unsubscribe' },
      isPatient: true,
      receive,
      fail: () => undefined, // Reported once for all, by the connection.
    });
    return id;
  }
}

/** Calls listeners. What one throws is reported as uncaught, and does not keep the others from being called. */
function callAll(listeners: Iterable<Listener>, event: unknown): void {
  for (const listener of [...listeners]) callSafely(() => listener(event as never));
}

/**
 * Calls a function of the application. What it throws is reported as uncaught, and does not disturb the connection.
 * @internal
 */
export function callSafely(run: () => void): void {
  try {
    run();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
