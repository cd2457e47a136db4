// The client: what an application calls.
import { call, type CallOptions } from './call.js';
import { ChatStream, type ChatOptions, type ChatRequest } from './chat.js';
import { Connection, type ConnectionSettings } from './connection.js';
import { LaminaClientError } from './error.js';
import { Events, type ClientEvents, type EventType, type LaminaEvent, type UnknownEvent } from './events.js';
import type { DownloadView, ModelView } from './wire.js';

/** The options of {@link LaminaClient.on}. */
export interface ListenOptions {
  /** Removes the listener. */
  readonly signal?: AbortSignal;
}

/** What to download: a model of the server's manifest, or a reference at a source. */
export type DownloadRequest =
  | { readonly model: string; /** Only from this source. */ readonly source?: string }
  | {
      /** Such as `hf:org/model` or an URL. */
      readonly reference: unknown;
      /** The name of the new model. */
      readonly name?: string;
      /** Only this source; default: the first that supports the reference. */
      readonly source?: string;
    };

/** The models of a server. */
export interface Models {
  /**
   * Starts a model and keeps it running; resolves when it is ready.
   * @throws LaminaClientError `MODEL_NOT_FOUND`, `FORBIDDEN`, and why it cannot start
   */
  start(model: string, options?: CallOptions): Promise<ModelView>;
  /** Stops a model; resolves when it has stopped. @throws LaminaClientError `MODEL_NOT_FOUND`, `FORBIDDEN` */
  stop(model: string, options?: CallOptions): Promise<ModelView>;
}

/** The downloads of a server. */
export interface Downloads {
  /**
   * Starts a download, which goes on without the client; resolves when its files are known. An unfinished download of
   * the same model is continued instead.
   * @throws LaminaClientError `FORBIDDEN`, `CONFLICT` when the model exists, and why it cannot be downloaded
   */
  start(request: DownloadRequest, options?: CallOptions): Promise<DownloadView>;
  /** Stops a download and deletes what it has. @throws LaminaClientError `DOWNLOAD_NOT_FOUND`, `FORBIDDEN` */
  cancel(id: string, options?: CallOptions): Promise<DownloadView>;
}

/** A client of one server. Its methods can be called at any time: they wait for the connection. */
export class LaminaClient {
  readonly models: Models;
  readonly downloads: Downloads;
  readonly #connection: Connection;
  readonly #events: Events;

  /** @internal */
  constructor(settings: ConnectionSettings) {
    const connection = new Connection(settings, {
      onConnected: (hello, restarted) =>
        this.#events.emit('connected', { scopes: hello['scopes'] as string[], restarted }),
      onDisconnected: (reason) => this.#events.emit('disconnected', { reason }),
      onRefused: (error) => this.#events.emit('error', error),
    });
    this.#connection = connection;
    this.#events = new Events(connection);
    this.models = {
      start: (model, options = {}) => call(connection, { type: 'model.start', model }, options),
      stop: (model, options = {}) => call(connection, { type: 'model.stop', model }, options),
    };
    this.downloads = {
      start: (request, options = {}) => call(connection, { type: 'download.start', request }, options),
      cancel: (download, options = {}) => call(connection, { type: 'download.cancel', download }, options),
    };
  }

  /**
   * A chat. Nothing is sent before the answer is read.
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Who are you?' }];
   * for await (const { choices } of client.chat({ model: 'tiny', messages })) console.log(choices[0]?.delta.content);
   * ```
   */
  chat(request: ChatRequest, options: ChatOptions = {}): ChatStream {
    return new ChatStream(this.#connection, request, options);
  }

  /**
   * Sends a frame of an extension and returns the result of its reply. It is not repeated on another connection.
   * @throws LaminaClientError the error of the server, `CONNECTION_LOST`
   * @example
   * ```ts
   * const { text } = await client.call({ type: 'translate.text', text: 'Guten Tag', to: 'en' });
   * ```
   */
  call(
    frame: { readonly type: string; readonly [field: string]: unknown },
    options: CallOptions = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    return call(this.#connection, frame, options, true);
  }

  /**
   * Adds a listener for events of the server from now on, and returns a function that removes it. After a lost
   * connection, events that were missed are sent first; `gap` says when they are not available any more.
   * @example
   * ```ts
   * const stop = client.on('model.state', ({ model, from, to }) => console.log(`${model}: ${from} → ${to}`));
   * ```
   */
  on<Type extends EventType>(
    type: Type,
    listener: (event: LaminaEvent<Type>) => void,
    options?: ListenOptions,
  ): () => void;
  /** Adds a listener for events of the client. */
  on<Type extends keyof ClientEvents>(
    type: Type,
    listener: (event: ClientEvents[Type]) => void,
    options?: ListenOptions,
  ): () => void;
  /** Adds a listener for events of a plugin; `*`: for all events of the server. */
  on(type: '*' | `${string}.${string}`, listener: (event: UnknownEvent) => void, options?: ListenOptions): () => void;
  on(type: string, listener: (event: never) => void, { signal }: ListenOptions = {}): () => void {
    if (signal?.aborted === true) return () => undefined;
    const remove = this.#events.on(type, listener);
    signal?.addEventListener('abort', remove, { once: true });
    return () => {
      signal?.removeEventListener('abort', remove);
      remove();
    };
  }

  /** Closes the connection for good. What is under way fails with `CLOSED`; chats are cancelled. */
  close(): void {
    this.#connection.close(new LaminaClientError({ code: 'CLOSED', message: 'The client was closed.' }));
  }
}
