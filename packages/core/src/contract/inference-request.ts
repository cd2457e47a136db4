// An inference request as hooks and model servers see it.
import type { Caller } from './caller.js';
import type { JsonObject } from './schema.js';

/** Headers as Node's HTTP server reads them: lower-case names. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One inference request, as the hook `beforeRequest` sees it. */
export interface InferenceRequest {
  /** Identifies the request in the log, in events and to the client. */
  readonly id: string;
  /** What comes after `/v1/`: `chat/completions`, `embeddings`, … */
  readonly route: string;
  /** The model as the client names it. */
  readonly model: string;
  readonly caller: Caller;
  /** Lower-case names. Keys, cookies and the headers of the connection are left out. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * The body, when it is JSON. A hook that returns another object changes the body; numbers that JavaScript cannot
   * represent (2^53 + 1, 1e400) are then different.
   */
  readonly json?: JsonObject;
  /**
   * Models to try, in order, when {@link InferenceRequest.model} does not exist or cannot start: a tap adds them. The
   * first that starts gets the request as it is. Default: none, and the request fails.
   */
  readonly fallbacks?: readonly string[];
}
