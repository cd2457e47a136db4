// Inference requests: what comes in, what hooks see, and how one ends.
import type { LaminaError, WireError } from './errors.js';
import type { ResolvedModel } from './models.js';
import type { AcquireOptions, Lease } from './runtime.js';
import type { JsonObject } from './schema.js';

/** One inference request, as the hook `beforeRequest` sees it. */
export interface InferenceRequest {
  /** Names the request in the log, in events and to the client; default: a new one. */
  readonly id?: string;
  /** What comes after `/v1/`: `chat/completions`, `embeddings`, … */
  readonly route: string;
  /** The model as the client names it. */
  readonly model: string;
  /** Lower-case names; keys and cookies are left out. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, when it is JSON. */
  readonly json?: JsonObject;
}

/**
 * An inference request as it comes in. Its body is bytes: parsed, JSON takes up to 80 times as much memory while the
 * request waits.
 */
export interface IncomingRequest extends Omit<InferenceRequest, 'json'> {
  /** The body as the text of a JSON object, in UTF-8, when it is JSON. */
  readonly body?: Buffer;
}

/** An inference request that may be sent: the model it goes to and the right to use its server. */
export interface OpenRequest {
  readonly id: string;
  /** The request after the hooks, without its body. */
  readonly request: Omit<InferenceRequest, 'json'>;
  /** What the client's model name stands for. */
  readonly target: ResolvedModel;
  /** The present lease. */
  readonly lease: Lease;
  /**
   * The JSON to send to the server of the present lease: what came in, or what became of it where a hook changed it,
   * the engine knows the model by another id, or the backend adapts requests. `undefined` for a request whose body is
   * not JSON.
   */
  body(): Buffer | undefined;
  /**
   * A lease on a fresh server after this one died before it answered; allowed once, else throws what ended the server.
   */
  renew(): Promise<void>;
  /** Ends the request, gives the lease back and emits `request.finished`. Safe to call twice. */
  finish(outcome: RequestOutcome): void;
}

/** How an inference request ended. */
export interface RequestOutcome {
  readonly status: number;
  /** Whether the engine answered it. */
  readonly served: boolean;
  readonly usage?: JsonObject;
  /** Why it failed: an error of Lamina, or the engine's own. */
  readonly error?: LaminaError | WireError;
  /** True when the answer had begun before it failed. */
  readonly cut?: boolean;
}

/** The way in for every chat, embedding and the like, over whatever wire it came. */
export interface Requests {
  /**
   * Emits `request.finished` when it throws, too.
   * @throws LaminaError `MODEL_NOT_FOUND`, what a `beforeRequest` tap refuses with, and all that `Runtime.acquire`
   * throws
   */
  open(request: IncomingRequest, options: AcquireOptions): Promise<OpenRequest>;
}
