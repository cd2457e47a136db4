// Keeps a connection to the server while something needs it: opens it, opens it again when it is lost, and lets every
// exchange continue on the new one.
import { errorOf, LaminaClientError } from './error.js';
import { Link, type Loss, type ServerFrame } from './link.js';
import { openWebSocket } from './websocket.js';

/** Something that goes on between client and server under one id: a chat, a call, a subscription. */
export interface Exchange {
  /** The frame that starts it on a new connection, or continues it after a loss; its id is added. */
  frame(): object;
  /** The frame that ends it; its id is added. Default: none, the server goes on. */
  readonly endFrame?: object;
  /** Handles a frame of the server with its id. */
  receive(frame: ServerFrame): void;
  /** It cannot go on; it is no longer part of the connection. */
  fail(error: LaminaClientError): void;
  /** True when it cannot be continued on another connection once its frame was sent. */
  readonly isUnrepeatable?: boolean;
  /** True when it waits for a connection however long it takes. */
  readonly isPatient?: boolean;
}

/** What a connection reports. */
export interface ConnectionListener {
  /** A connection is open; `restarted` when the server is not the one of before. */
  onConnected(hello: ServerFrame, restarted: boolean): void;
  onDisconnected(reason: string): void;
  /** There will be no other connection. */
  onRefused(error: LaminaClientError): void;
}

/** How a connection is opened; times in milliseconds. */
export interface ConnectionSettings {
  readonly url: string;
  readonly key: string | undefined;
  readonly heartbeat: number;
  readonly reconnectTimeout: number;
}

/** Delays between two attempts in milliseconds: the first, and the longest. Half of a delay is random. */
const firstDelay = 100;
const maxDelay = 10_000;

/** Codes of a close after which another attempt fails too, and the code of the error. */
const refusals: Readonly<Record<number, string>> = { 4401: 'UNAUTHORIZED', 4403: 'FORBIDDEN' };

/** The code of a close for a message that is too large (RFC 6455, 7.4.1). */
const messageTooBig = 1009;

interface Entry {
  readonly exchange: Exchange;
  /** Since when it waits for a connection; `undefined` while its frame is sent. */
  waitingSince: number | undefined;
}

/** A connection that is opened again when it is lost. */
export class Connection {
  readonly #entries = new Map<string, Entry>();
  readonly #closing = new AbortController();
  /** The connection, when it is open. */
  #link: Link | undefined;
  #isRunning = false;
  #lastId = 0;
  #session: unknown;
  #closedBy: LaminaClientError | undefined;

  constructor(
    private readonly settings: ConnectionSettings,
    private readonly listener: ConnectionListener,
  ) {}

  /** Aborted when the connection is closed for good. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Starts an exchange, and returns its id. @throws LaminaClientError when the connection is closed for good */
  add(exchange: Exchange): string {
    if (this.#closedBy !== undefined) throw this.#closedBy;
    const id = String(++this.#lastId);
    const entry: Entry = { exchange, waitingSince: performance.now() };
    this.#entries.set(id, entry);
    if (this.#link !== undefined) this.#start(this.#link, id, entry);
    if (!this.#isRunning) void this.#run();
    return id;
  }

  /** Removes an exchange that the server has ended. */
  remove(id: string): void {
    this.#entries.delete(id);
  }

  /** Ends an exchange. */
  end(id: string): void {
    const frame = this.#entries.get(id)?.exchange.endFrame;
    if (this.#entries.delete(id) && frame !== undefined) this.#link?.send({ ...frame, id });
  }

  /** Closes for good: every exchange fails. */
  close(error: LaminaClientError): void {
    if (this.#closedBy !== undefined) return;
    this.#closedBy = error;
    for (const [id, { exchange }] of [...this.#entries]) {
      this.end(id);
      exchange.fail(error);
    }
    this.#closing.abort();
  }

  /** Opens connections as long as something needs one. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    let failures = 0;
    while (this.#entries.size > 0) {
      const { loss, wasUsed } = await this.#connect();
      if (this.#closedBy !== undefined) break;
      const refusal = refusals[loss.code ?? 0];
      if (refusal !== undefined) {
        const error = new LaminaClientError({ code: refusal, message: loss.reason });
        this.close(error);
        this.listener.onRefused(error);
        break;
      }
      this.#onLoss(loss);
      if (wasUsed) failures = 0;
      const delay = Math.min(firstDelay * 2 ** failures++, maxDelay);
      if (this.#entries.size > 0) await wait(delay * (0.5 + Math.random() / 2), this.#closing.signal);
    }
    this.#isRunning = false;
  }

  /** One connection, from its handshake to its end. `wasUsed`: the server sent more than its greeting. */
  async #connect(): Promise<{ loss: Loss; wasUsed: boolean }> {
    const { url, key, heartbeat } = this.settings;
    let socket: WebSocket;
    try {
      socket = await openWebSocket(url, key);
    } catch (error) {
      return { loss: { reason: (error as Error).message }, wasUsed: false };
    }
    let wasUsed = false;
    const link = new Link(socket, heartbeat, (frame) => {
      if (frame.type === 'hello') return this.#onHello(link, frame);
      wasUsed = true;
      this.#onFrame(frame);
    });
    const close = (): void => link.close();
    this.#closing.signal.addEventListener('abort', close, { once: true });
    if (this.#closing.signal.aborted) close();
    const loss = await link.ended;
    this.#closing.signal.removeEventListener('abort', close);
    return { loss, wasUsed };
  }

  #onHello(link: Link, hello: ServerFrame): void {
    const restarted = this.#session !== undefined && this.#session !== hello['session'];
    this.#session = hello['session'];
    this.#link = link;
    this.listener.onConnected(hello, restarted);
    for (const [id, entry] of this.#entries) this.#start(link, id, entry);
  }

  #start(link: Link, id: string, entry: Entry): void {
    entry.waitingSince = undefined;
    link.send({ ...entry.exchange.frame(), id });
  }

  #onLoss({ code, reason }: Loss): void {
    if (this.#link !== undefined) this.listener.onDisconnected(reason);
    this.#link = undefined;
    const now = performance.now();
    if (code === messageTooBig) {
      const error = { code: 'BODY_TOO_LARGE', message: 'The message is larger than the server accepts.' };
      const largest = Math.max(...[...this.#entries].map(([id, { exchange }]) => bytesOf(exchange, id)));
      this.#fail(new LaminaClientError(error), ({ exchange }, id) => bytesOf(exchange, id) === largest);
    }
    this.#fail(
      new LaminaClientError({
        code: 'CONNECTION_LOST',
        message: `The connection was lost before the server replied (${reason}). It may have done what was asked.`,
      }),
      ({ exchange, waitingSince }) => waitingSince === undefined && exchange.isUnrepeatable === true,
    );
    for (const entry of this.#entries.values()) entry.waitingSince ??= now;
    this.#fail(
      new LaminaClientError({ code: 'UNREACHABLE', message: `Cannot connect to ${this.settings.url}: ${reason}` }),
      ({ exchange, waitingSince }) =>
        exchange.isPatient !== true && now - waitingSince! >= this.settings.reconnectTimeout,
    );
  }

  #onFrame(frame: ServerFrame): void {
    if (frame.id === undefined) return this.#onUnreadMessage(frame);
    const entry = this.#entries.get(frame.id);
    try {
      entry?.exchange.receive(frame);
    } catch (cause) {
      const message = `The server sent an invalid frame "${frame.type}".`;
      this.#entries.delete(frame.id);
      entry?.exchange.fail(new LaminaClientError({ code: 'PROTOCOL_ERROR', message }, { cause }));
    }
  }

  /** The server does not read a message that is too large, so its error has no id. */
  #onUnreadMessage(frame: ServerFrame): void {
    const error = errorOf(frame);
    const limit = error.details['limit_bytes'] as number;
    this.#fail(error, ({ exchange }, id) => bytesOf(exchange, id) > limit);
  }

  #fail(error: LaminaClientError, where: (entry: Entry, id: string) => boolean): void {
    for (const [id, entry] of [...this.#entries])
      if (where(entry, id) && this.#entries.delete(id)) entry.exchange.fail(error);
  }
}

/** The size of the message that starts or continues an exchange. */
function bytesOf(exchange: Exchange, id: string): number {
  return new TextEncoder().encode(JSON.stringify({ ...exchange.frame(), id })).length;
}

/** Resolves after some milliseconds, or when the signal is aborted. */
function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
