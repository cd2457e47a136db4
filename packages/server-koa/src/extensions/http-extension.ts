// The extension point `http`: what plugins add to the server.
import type { Caller, Scope, Schema, WireError } from '@lamina/core';
import type { Middleware } from 'koa';
import type { HttpContext } from '../routes/http-context.js';
import type { HttpRoute } from '../routes/route.js';
import type { CallerLamina } from './caller-lamina.js';

declare module '@lamina/core' {
  interface ExtensionPoints {
    http: HttpExtension;
  }
}

/** What a plugin adds to the server: `lamina.extend('http', { routes: [ … ] })`. */
export interface HttpExtension {
  /**
   * Routes, which are tested before Lamina's own. Two plugins cannot have the same method and path. `ctx.next()` hands a
   * request on to Lamina's own route.
   */
  readonly routes?: readonly HttpRoute[];
  /**
   * The body of an error response of these routes, where it differs from `{ error }`. `error` is what the client may see;
   * the status is that of the error.
   */
  errorBody?(error: WireError, ctx: HttpContext): object;
  /**
   * Runs around every route, Lamina's own included, once the host, the origin and the key of the request are checked.
   * Requests that are refused, that no route matches, and upgrades to WebSockets do not reach it. It sees what a route
   * throws. `callerOf(ctx)` is the caller. To change or count inference requests, use hooks and events.
   */
  readonly middleware?: Middleware;
  /**
   * The path of a web page among these routes, such as `/ui/`. `GET /` sends browsers to it, also where a plugin answers
   * that route for other clients; of several pages, to the first.
   */
  readonly page?: string;
  /** Frames of the WebSocket. Their types begin with the name of the plugin and a dot: `notes.add`. */
  readonly frames?: Readonly<Record<string, FrameExtension>>;
}

/** A frame that clients may send. */
export interface FrameExtension {
  /** The schema of its fields besides `type` and `id`. */
  readonly schema: Schema;
  /** What the client's key needs: this scope, or `any` for every valid key. */
  readonly scope: Scope | 'any';
  /**
   * Handles a frame. An object is sent as `reply`; each part of an iterable as a frame `{ type, id, seq, part }`, then
   * `reply`. What it throws is sent as `error`.
   */
  run(frame: object, context: FrameContext): object | Promise<object> | AsyncIterable<object>;
}

/** What the handler of a frame gets besides the frame. */
export interface FrameContext {
  /** Who sends the frame. */
  readonly caller: Caller;
  /** Aborted when the client leaves or the server ends the connection. */
  readonly signal: AbortSignal;
  /** Lamina, with the rights of the caller. */
  readonly lamina: CallerLamina;
}
