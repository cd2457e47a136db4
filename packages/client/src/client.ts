// The client: what an application calls.
import { call, callForParts, type CallOptions } from './call.js';
import { ChatStream, type ChatOptions, type ChatPosition, type ChatRequest } from './chat.js';
import { Connection, type ConnectionSettings } from './connection.js';
import { LaminaClientError } from './error.js';
import { Events, type ClientEvents, type EventType, type LaminaEvent, type UnknownEvent } from './events.js';
import { Downloads } from './downloads.js';
import { Models, type SearchRange, type SuggestRequest } from './models.js';
import type { SearchView, SuggestionView, Usage } from './wire.js';

/** The options of {@link LaminaClient.on}. */
export interface ListenOptions {
  /** Removes the listener. */
  readonly signal?: AbortSignal;
}

/** Texts to embed: the body of `POST /v1/embeddings`, with any parameter that the engine knows. */
export interface EmbedRequest {
  /** A model or an alias. */
  readonly model: string;
  readonly input: string | readonly string[];
  readonly [parameter: string]: unknown;
}

/** The vectors of an {@link EmbedRequest}, in the order of its inputs. */
export interface EmbedResult {
  readonly embeddings: readonly (readonly number[])[];
  /** The model as the engine names it. */
  readonly model?: string;
  readonly usage?: Usage;
}

type OpenAIEmbeddings = Omit<EmbedResult, 'embeddings'> & {
  readonly data: readonly { readonly embedding: readonly number[] }[];
};

/** A frame of an extension; its id is added. */
export interface ExtensionFrame {
  /** `<plugin>.<verb>` */
  readonly type: string;
  readonly [field: string]: unknown;
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
    this.models = new Models(connection);
    this.downloads = new Downloads(connection, this.#events);
  }

  /**
   * A chat. Nothing is sent before the answer is read.
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Who are you?' }];
   * for await (const { choices } of client.chat({ model: 'tiny', messages })) console.log(choices[0]?.delta.content);
   * ```
   */
  chat(request: ChatRequest, { keep, ...options }: ChatOptions = {}): ChatStream {
    return new ChatStream(this.#connection, { request, ...(keep === undefined ? {} : { keep }) }, options);
  }

  /**
   * Continues a chat of an earlier client, such as that of a page before it was reloaded, after the chunk that was read
   * last. Start the chat with `keep`. A client that still reads it gets the error `CONFLICT`. Reading throws
   * `CHAT_NOT_FOUND` when the server has ended the chat or was restarted, `CHUNKS_LOST` when it no longer has the next
   * chunk.
   * @param position The `position` of the earlier chat.
   * @example
   * ```ts
   * const { answer, position } = JSON.parse(sessionStorage.getItem('chat')!);
   * console.log(answer + (await client.resumeChat(position).text()));
   * ```
   */
  resumeChat(position: ChatPosition, options: Omit<ChatOptions, 'keep'> = {}): ChatStream {
    return new ChatStream(this.#connection, position, options);
  }

  /**
   * Embeds texts.
   * @throws LaminaClientError the error of the server, `ABORTED`
   * @example
   * ```ts
   * const { embeddings } = await client.embed({ model: 'tiny', input: ['one text', 'another'] });
   * ```
   */
  async embed(request: EmbedRequest, options: CallOptions = {}): Promise<EmbedResult> {
    const frame = { type: 'embeddings.create', request };
    const { data, model, usage } = await call<OpenAIEmbeddings>(this.#connection, frame, options);
    return {
      embeddings: data.map(({ embedding }) => embedding),
      ...(model === undefined ? {} : { model }),
      ...(usage === undefined ? {} : { usage }),
    };
  }

  /**
   * The best model for a purpose.
   * @throws LaminaClientError `NO_SUGGESTION`
   * @example
   * ```ts
   * const { suggested, reasons } = await client.suggest({ use_case: 'chat', max_size: '4GB' });
   * ```
   */
  suggest(request: SuggestRequest, options: CallOptions = {}): Promise<SuggestionView> {
    return call(this.#connection, { type: 'model.suggest', request }, options);
  }

  /**
   * Models at the sources that the server can search. Needs a key with the scope `manage`.
   * @param q The words to search for, 1 to 200 characters.
   * @throws LaminaClientError `REQUEST_INVALID`, `NOT_SUPPORTED` when the server has no source that can be searched,
   * `FORBIDDEN`, `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `TIMEOUT`
   * @example
   * ```ts
   * const { models } = await client.search('qwen3 4b', { limit: 5 });
   * await client.downloads.start({ reference: models[0]!.reference });
   * ```
   */
  search(q: string, { source, limit, signal }: SearchRange & CallOptions = {}): Promise<SearchView> {
    return call(this.#connection, { type: 'model.search', q, source, limit }, { signal });
  }

  /**
   * Sends a frame of an extension and returns the result of its reply. It is not repeated on another connection.
   * @throws LaminaClientError the error of the server, `CONNECTION_LOST`, `ABORTED`
   * @example
   * ```ts
   * const { text } = await client.call({ type: 'translate.text', text: 'Guten Tag', to: 'en' });
   * ```
   */
  call(frame: ExtensionFrame, options: CallOptions = {}): Promise<Readonly<Record<string, unknown>>> {
    return call(this.#connection, frame, options, true);
  }

  /**
   * As `call`, for a frame whose result comes in parts. It is sent when it is read; leaving the loop gives it up.
   * @throws LaminaClientError as `call`
   * @example
   * ```ts
   * for await (const { line } of client.stream({ type: 'translate.lines', text })) console.log(line);
   * ```
   */
  stream(
    frame: ExtensionFrame,
    options: CallOptions = {},
  ): AsyncGenerator<Readonly<Record<string, unknown>>, void, undefined> {
    return callForParts(this.#connection, frame, options);
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
    const remove = this.#events.on([type], listener);
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
