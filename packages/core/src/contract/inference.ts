// Inference requests: what comes in, what hooks see, how the answer goes out, and how one ends.
import type { Caller } from './caller.js';
import type {
  ChatRequest,
  ChatStream,
  CompletionRequest,
  CompletionStream,
  EmbedRequest,
  EmbedResult,
  InferenceOptions,
} from './chat.js';
import type { LaminaError, WireError } from './errors.js';
import type { InferenceRequest, RequestHeaders } from './inference-request.js';
import type { ResolvedModel } from './models.js';
import type { AcquireOptions, Lease } from './runtime.js';
import type { JsonObject } from './schema.js';

/**
 * An inference request as it comes in. Its body is bytes: parsed JSON takes up to 80 times as much memory while the
 * request waits.
 */
export interface IncomingRequest extends Pick<InferenceRequest, 'route' | 'model'> {
  /** Default: a new UUID. */
  readonly id?: string;
  /** Default: this process, with all scopes. */
  readonly caller?: Caller;
  /** Whether the client asks for a stream. Default: what the JSON body says, which is then parsed to know. */
  readonly stream?: boolean;
  /**
   * All headers of the client. Lamina removes keys, cookies and connection headers before a hook or an engine sees them.
   */
  readonly headers: RequestHeaders;
  /** The body as the text of a JSON object, in UTF-8, when it is JSON. */
  readonly body?: Buffer;
  /** The body, when it is a form. */
  readonly form?: FormBody;
}

/** A multipart body that names its model. */
export interface FormBody {
  /** The model that the form names. */
  readonly model: string;
  readonly bytes: Buffer;
  /** The content type, with the form's boundary. */
  readonly contentType: string;
  /** The bytes of the same form with another model name, for an engine that knows the model by another id. */
  withModel(model: string): Promise<Buffer>;
}

/** An incoming request that is sent to an engine. */
export interface ForwardRequest extends IncomingRequest {
  /** Default `POST`. */
  readonly method?: string;
  /** The query, with its question mark; default: none. */
  readonly search?: string;
}

/** A request that holds a lease: the model it goes to and the right to use its server. */
export interface InferenceHandle {
  readonly id: string;
  /** The request after the hooks, without its body. */
  readonly request: Omit<InferenceRequest, 'json'>;
  /** What the client's model name stands for; with {@link InferenceRequest.fallbacks}, the model that started. */
  readonly target: ResolvedModel;
  /** The current lease. */
  readonly lease: Lease;
  /**
   * The JSON to send to the server of the current lease: what came in, or what became of it where a hook changed it,
   * the engine knows the model by another id, or the backend adapts requests. `undefined` for a request whose body is
   * not JSON. Where only the id differs, nothing but the member `model` changes.
   */
  body(): Buffer | undefined;
  /**
   * Replaces the lease by one on a new server, after the server died before it answered. Allowed once.
   * @throws LaminaError what ended the server when it is called again, and all that `Runtime.acquire` throws
   */
  renew(): Promise<void>;
  /** Ends the request, releases the lease and emits `request.finished`. Safe to call twice. */
  finish(outcome: RequestOutcome): void;
}

/** How an inference request ended. */
export interface RequestOutcome {
  readonly status: number;
  /** Whether the engine answered it. */
  readonly served: boolean;
  readonly usage?: JsonObject;
  /** Why the engine stopped: `stop`, `length`, `tool_calls`, … */
  readonly finishReason?: string;
  /** Why it failed: an error of Lamina, or the engine's own. */
  readonly error?: LaminaError | WireError;
  /** True when the answer had begun before it failed. */
  readonly cut?: boolean;
}

/** Where the bytes of an answer go. A `ServerResponse` of Node is one. */
export interface ResponseSink {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  /** `headers` are names and values in turns. */
  writeHead(status: number, headers: string[]): unknown;
  flushHeaders(): void;
  /** `false` asks to wait for `drain`. */
  write(chunk: Buffer): boolean;
  once(event: 'drain', listener: () => void): unknown;
  end(): unknown;
}

/** Where the events of a streamed answer go. */
export interface EventSink {
  /** The data of the events that arrived together, as the engine wrote it. `false` asks to wait for `drain`. */
  write(events: readonly string[]): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

/** How forwarding a request ended, once it had a lease. */
export type ForwardResult =
  /** The whole answer is in the sink. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly usage?: JsonObject;
      /** Why the engine stopped, as far as the end of the answer says it. */
      readonly finishReason?: string;
    }
  /** The engine refused the request; the sink is untouched. */
  | {
      readonly kind: 'refused';
      /** The engine's status; 502 when that is not the status of an error. */
      readonly status: number;
      readonly retryAfter?: string;
      readonly error: WireError;
    }
  /** The answer is incomplete; the sink has not been ended. */
  | {
      readonly kind: 'cut';
      readonly error: WireError;
      /** Whether the answer is a stream of server-sent events. */
      readonly isEventStream: boolean;
      /** Whether it was cut inside an event. */
      readonly midEvent: boolean;
      /** Whether the caller aborted it. */
      readonly aborted: boolean;
    };

/** Runs inference requests, whichever way they come in. */
export interface Inference {
  /**
   * A chat in this process, with hooks and events like any other. Nothing happens before the answer is read.
   * @throws LaminaError nothing when it is called; what reading throws, see {@link ChatStream}
   * @example
   * ```ts
   * const messages = [{ role: 'user', content: 'Hello' }];
   * for await (const { choices } of lamina.inference.chat({ model: 'tiny', messages }, { signal }))
   *   process.stdout.write(choices[0]?.delta.content ?? '');
   * ```
   */
  chat(request: ChatRequest, options?: InferenceOptions): ChatStream;
  /**
   * The continuation of a text, without a chat template, in the same way.
   * @throws LaminaError nothing when it is called; what reading throws, see {@link CompletionStream}
   * @example
   * ```ts
   * const text = await lamina.inference.complete({ model: 'tiny', prompt: 'Once upon a time' }, { signal }).text();
   * ```
   */
  complete(request: CompletionRequest, options?: InferenceOptions): CompletionStream;
  /**
   * The embeddings of texts.
   * @throws LaminaError `ENGINE_REFUSED`, and all that `forward` throws
   * @example
   * ```ts
   * const { embeddings } = await lamina.inference.embed({ model: 'tiny', input: ['one', 'two'] }, { signal });
   * ```
   */
  embed(request: EmbedRequest, options?: InferenceOptions): Promise<EmbedResult>;
  /**
   * Opens a request for a caller that sends it to the engine itself: runs `beforeRequest`, resolves the model and
   * acquires a lease. Call `finish` in every case. `request.finished` is emitted when `open` throws, too.
   * @throws LaminaError `MODEL_NOT_FOUND`, `REQUEST_LOOP`, what a `beforeRequest` tap refuses with, and all that
   * `Runtime.acquire` throws
   * @example
   * ```ts
   * const handle = await lamina.inference.open({ route: 'embeddings', model: 'tiny', headers: {}, body }, { signal });
   * const { baseUrl, headers } = handle.lease.endpoint();
   * const init = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: handle.body()! };
   * const response = await fetch(`${baseUrl}/embeddings`, init).catch(() => undefined);
   * handle.finish({ status: response?.status ?? 502, served: response?.ok ?? false });
   * ```
   */
  open(request: IncomingRequest, options: AcquireOptions): Promise<InferenceHandle>;
  /**
   * Sends a request to its model's engine and writes the answer to the sink, as fast as the sink accepts it. An engine
   * that dies before it answers is replaced and asked again, once. Aborting the signal ends the engine's work.
   * @throws LaminaError all that `open` throws, and what ended the request while the sink was untouched:
   * `MODEL_SERVER_EXITED`, `MODEL_SERVER_UNREACHABLE`, `MODEL_STOPPED`, the signal's reason
   * @example
   * ```ts
   * const request = { route: 'chat/completions', model: 'tiny', headers: incoming.headers, body };
   * const result = await lamina.inference.forward(request, response, { signal });
   * if (result.kind === 'refused') response.writeHead(result.status).end(JSON.stringify({ error: result.error }));
   * else if (result.kind === 'answered') response.end();
   * ```
   */
  forward(request: ForwardRequest, sink: ResponseSink, options: AcquireOptions): Promise<ForwardResult>;
  /**
   * As `forward`, for a chat whose answer is a stream of events: the sink gets their data, and an error that the engine
   * sends as an event, or a stream that ends without a finish reason, is `cut`.
   * @throws LaminaError as `forward`
   * @example
   * ```ts
   * const request = { route: 'chat/completions', model: 'tiny', headers: {}, body };
   * const { kind } = await lamina.inference.forwardEvents(request, eventSink, { signal });
   * ```
   */
  forwardEvents(request: ForwardRequest, sink: EventSink, options: AcquireOptions): Promise<ForwardResult>;
}
