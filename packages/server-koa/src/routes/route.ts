// Routes as data: what Lamina's own routes and those of extensions are made of.
import type { Lamina, Schema, Scope } from '@lamina/core';
import type { Router } from '@koa/router';
import type { DocumentedFrame } from '../documents/async-api.js';
import type { BodyLimits } from '../request/body.js';
import type { HttpContext } from './http-context.js';

/** The methods that a route can have. A route for `GET` answers `HEAD` too. */
export const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** The method of a route. */
export type HttpMethod = (typeof methods)[number];

/**
 * What a route needs: a key with this scope, `any` valid key, or nothing (`public`). Hosts and origins are checked in
 * every case.
 */
export type RouteScope = Scope | 'any' | 'public';

/** A route. */
export interface HttpRoute {
  readonly method: HttpMethod;
  /** As @koa/router writes paths: `/models/:id`, and `/models/*name` for a name with slashes. */
  readonly path: string;
  readonly scope: RouteScope;
  /** What it does, in one line, for `/openapi.json`. */
  readonly summary?: string;
  /**
   * The schema of the JSON body. The body is read and checked before the handler runs; an empty one counts as `{}`. A
   * route without it reads no body. At most `bodyLimit` bytes with the scope `inference`, else 1 MiB.
   */
  readonly body?: Schema;
  /** The schema of the query. It is checked before the handler runs; parameters that it does not name are ignored. */
  readonly query?: Schema;
  /** The schema of the response, for `/openapi.json`; it is not checked. */
  readonly response?: Schema;
  /**
   * The status of a successful response, or each that it can have, for `/openapi.json`; default 200. The handler sets it:
   * `ctx.koa.status`.
   */
  readonly status?: number | readonly number[];
  /** For `/openapi.json`, of a route that reads its body itself, or whose response is not JSON: schemas by content type. */
  readonly content?: {
    readonly request?: Readonly<Record<string, Schema>>;
    readonly response?: Readonly<Record<string, Schema>>;
  };
  /**
   * Returns the body of the response: JSON, text, bytes or a stream. `undefined` when it has responded in another way;
   * if it has not, the response is 204 without a body.
   * @throws LaminaError the error to respond with; any other error responds `INTERNAL` and is logged
   */
  handler(ctx: HttpContext): unknown;
}

/** What Lamina's own routes are made from. */
export interface RouteServices {
  readonly lamina: Lamina;
  /** The limits of inference requests. */
  readonly limits: InferenceLimits;
  /** Ends the streams that would never end by themselves. */
  readonly closing: AbortSignal;
  /** The router that serves the routes, for its prefix and its hints. */
  readonly router: Router;
  /** All routes of the router, complete when it serves its first request. */
  readonly routes: readonly HttpRoute[];
  /** The frames of plugins by type; their schemas are those of their own fields. */
  readonly frames: ReadonlyMap<string, DocumentedFrame>;
}

/** The limits of bodies, and how long a client waits for a stream without a sign of life. */
export interface InferenceLimits extends BodyLimits {
  readonly heartbeatMs: number;
}
