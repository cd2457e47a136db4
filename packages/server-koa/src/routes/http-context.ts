// What the handler of a route gets.
import type { Caller } from '@lamina/core';
import type { Context } from 'koa';

/** One request, as the handler of a route sees it. `Body` is what the schema of the route accepts. */
export interface HttpContext<Body = unknown> {
  /** Koa's context: headers, query, status, the raw request and response. */
  readonly koa: Context;
  /** Who sends the request. */
  readonly caller: Caller;
  /** The parts of the path that it names: `{ id }` for `/models/:id`, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The JSON body, when the route has a schema for it; else `undefined`. */
  readonly body: Body;
  /** Aborted when the client leaves before the response has ended. Its reason is the LaminaError `ABORTED`. */
  readonly signal: AbortSignal;
  /** Hands the request on to the next route of its path: Lamina's own, with the checks of that. */
  readonly next: () => Promise<void>;
}
