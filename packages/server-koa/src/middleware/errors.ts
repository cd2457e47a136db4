// Turns what is thrown into a response: one shape, the right status, no stack.
import { LaminaError, type Logger, type WireError } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import { callerOf } from './authentication.js';
import { respondWhileReceiving } from './early-response.js';
import { isJson, visibleError } from './redaction.js';
import { noteError, requestIdOf } from './request-log.js';

/** Catches everything that the middleware after it throws. The cause of an internal error is logged. */
export function errors(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      // Here, and not in Koa after the last middleware, so that a failure is handled like any other.
      if (isJson(ctx.body)) ctx.body = JSON.stringify(ctx.body);
    } catch (thrown) {
      respond(ctx, asLaminaError(thrown), log);
    }
  };
}

const ownerKey = Symbol('route owner');

/** The plugin whose route answers a request. */
export interface RouteOwner {
  readonly plugin: string;
  /** The body of an error response, where it differs from Lamina's. */
  readonly errorBody?: (error: WireError) => object;
}

interface OwnerState {
  [ownerKey]?: RouteOwner | undefined;
}

/** Says whose route answers a request from now on; `undefined`: Lamina's own. */
export function setRouteOwner(ctx: Pick<Context, 'state'>, owner: RouteOwner | undefined): void {
  (ctx.state as OwnerState)[ownerKey] = owner;
}

/**
 * The body of an error response: that of the plugin whose route answers, else `{ error }`, the shape that OpenAI's
 * clients parse. Under `/messages`, where that is not the name of a model, there is `type: "error"` beside it, for
 * Anthropic's clients. `error` is what the client may see.
 */
export function errorBody(ctx: Pick<Context, 'state' | 'path'>, error: WireError): object {
  const { errorBody } = (ctx.state as OwnerState)[ownerKey] ?? {};
  if (errorBody !== undefined) return errorBody(error);
  return /(?<!\/(models|chat))\/messages(\/|$)/.test(ctx.path) ? { type: 'error', error } : { error };
}

function respond(ctx: Context, error: LaminaError, log: Logger): void {
  noteError(ctx, error);
  if (error.code === 'INTERNAL') logInternal(ctx, error, log);
  if (!ctx.writable || ctx.res.headersSent) {
    // The client has disconnected, or has a part of a response: closing the connection is the only way to report it.
    ctx.respond = false;
    ctx.res.destroy();
    return;
  }
  setHeaders(ctx, error);
  ctx.status = error.status;
  ctx.body = bodyOf(ctx, visibleError(callerOf(ctx), error.toWire()), log);
  // HTTP/2 can end one stream and keep the connection, so it does not need this.
  const isReceiving = !ctx.req.readableEnded && (error.code === 'BODY_TOO_LARGE' || ctx.req.isPaused());
  if (isReceiving && ctx.req.httpVersionMajor === 1) respondWhileReceiving(ctx);
}

/** As {@link errorBody}; when that of a plugin fails, Lamina's. */
function bodyOf(ctx: Context, error: WireError, log: Logger): object {
  try {
    return JSON.parse(JSON.stringify(errorBody(ctx, error))) as object;
  } catch (failure) {
    const { plugin } = (ctx.state as OwnerState)[ownerKey]!;
    log.error(
      { err: failure, plugin },
      `The plugin "${plugin}" failed in errorBody, so the error has Lamina's own shape`,
    );
    setRouteOwner(ctx, undefined);
    return errorBody(ctx, error);
  }
}

function setHeaders(ctx: Context, error: LaminaError): void {
  ctx.set('x-request-id', requestIdOf(ctx));
  if (error.retryable) ctx.set('Retry-After', String(retryAfter(error)));
  // OpenAI's clients retry on most statuses, unless this header is set.
  else ctx.set('x-should-retry', 'false');
  if (error.code === 'UNAUTHORIZED') ctx.set('WWW-Authenticate', 'Bearer');
  if (error.code === 'METHOD_NOT_ALLOWED') ctx.set('Allow', (error.details['allowed'] as string[]).join(', '));
  if (error.code === 'ENCODING_NOT_SUPPORTED')
    ctx.set('Accept-Encoding', (error.details['accepted'] as string[]).join(', ')); // RFC 9110, 15.5.16.
}

function retryAfter(error: LaminaError): number {
  const seconds = error.details['retry_after'];
  return typeof seconds === 'number' && seconds > 1 ? Math.ceil(seconds) : 1;
}

function logInternal(ctx: Context, error: LaminaError, log: Logger): void {
  const { plugin } = (ctx.state as OwnerState)[ownerKey] ?? {};
  log.error(
    {
      err: error.cause,
      request: requestIdOf(ctx),
      method: ctx.method,
      path: ctx.path,
      ...(plugin === undefined ? {} : { plugin }),
    },
    plugin === undefined
      ? 'A request failed with an internal error'
      : `The plugin "${plugin}" failed in ${ctx.method} ${ctx.path}`,
  );
}

// Koa and its router throw errors with a status for requests that they cannot read.
function asLaminaError(thrown: unknown): LaminaError {
  if (LaminaError.is(thrown) || !(thrown instanceof Error)) return LaminaError.from(thrown);
  const { status, expose } = thrown as Error & { status?: unknown; expose?: unknown };
  if (expose === true && typeof status === 'number' && status < 500)
    return new LaminaError('REQUEST_INVALID', { message: thrown.message });
  return LaminaError.from(thrown);
}
