// What the handler of a route gets.
import type { Caller, WireError } from '@lamina/core';
import type { Context } from 'koa';
import type { CallerLamina } from '../extensions/caller-lamina.js';

/** One request, as the handler of a route sees it. `Body` is what the schema of the route accepts. */
export interface HttpContext<Body = unknown> {
  /** Koa's context: headers, query, status, the raw request and response. */
  readonly koa: Context;
  /** Its id in the log and in the header `x-request-id`. Give it to `lamina.chat`, so that events have the same one. */
  readonly id: string;
  /** Who sends the request. */
  readonly caller: Caller;
  /** The parts of the path that it names: `{ id }` for `/models/:id`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The JSON body, when the route has a schema for it; else `undefined`. */
  readonly body: Body;
  /**
   * Aborted when the client leaves before the response has ended, and when the server cuts it; the reason is the
   * LaminaError `ABORTED`. A server that closes waits for responses; one that would never end by itself ends at
   * `lamina.closing`.
   */
  readonly signal: AbortSignal;
  /** Lamina, with the rights of the caller. */
  readonly lamina: CallerLamina;
  /**
   * Sends a request to the engine of `json.model` and the engine's answer to the client, byte by byte, as `POST
   * /v1/<route>` does: through hooks, with the caller, streamed or not.
   * @throws LaminaError `UNAUTHORIZED`, `FORBIDDEN` without the scope `inference`, and what `POST /v1/<route>` responds
   */
  readonly infer: (route: string, json: object) => Promise<void>;
  /**
   * Sends the parts as they come, no faster than the client reads, and ends the iterable when the client leaves. The
   * response begins with the first part, so an error before it is an ordinary error response.
   */
  readonly stream: (parts: AsyncIterable<object | string>, options: StreamOptions) => Promise<void>;
  /** Hands the request on to the next route of its path: Lamina's own, with the checks and the errors of that. */
  readonly next: () => Promise<void>;
}

/** The options of `HttpContext.stream`. */
export interface StreamOptions {
  /**
   * How an object is written: `sse` as the event `data: <json>`, `ndjson` as a line. A string is written as it is, for
   * events with a name, comments, or `data: [DONE]\n\n`.
   */
  readonly as: 'sse' | 'ndjson';
  /**
   * What a client gets that has heard nothing for the server's heartbeat interval, by default 15 s: a comment, or an event
   * that does nothing. The response begins with it, so that a later error is its last part. Default: nothing.
   */
  onSilence?(): object | string;
  /**
   * The last part of a response that fails after its first part; default: what `errorBody` makes of the error. The
   * connection is then destroyed, so that the response cannot look complete.
   */
  onError?(error: WireError): object | string;
  /**
   * Ends the response after that part as a complete one, for an API whose clients expect a last event that says what
   * failed. Default `false`.
   */
  readonly endAfterError?: boolean;
}
