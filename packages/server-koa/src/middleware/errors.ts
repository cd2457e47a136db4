// The one place where what was thrown becomes an answer: one shape, the right status, no stack.
import { LaminaError, type Logger } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import { answerWhileReceiving } from './answer-while-receiving.js';
import { errorBody, wireFor } from './error-body.js';
import { isJson } from './json.js';
import { noteError, requestIdOf } from './request-log.js';

/**
 * Catches everything the middleware after it throws. Of faults of Lamina itself the cause is logged; all other errors
 * are answers.
 */
export function errors(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      // Here, and not by Koa after the last middleware: what cannot be written is a fault like any other.
      if (isJson(ctx.body)) ctx.body = JSON.stringify(ctx.body);
    } catch (thrown) {
      answer(ctx, asLaminaError(thrown), log);
    }
  };
}

function answer(ctx: Context, error: LaminaError, log: Logger): void {
  noteError(ctx, error);
  if (error.code === 'INTERNAL') report(ctx, error, log);
  if (!ctx.writable || ctx.res.headersSent) {
    // The caller has left, or half an answer is out: there is no honest way to end it but the loss of the connection.
    ctx.respond = false;
    ctx.res.destroy();
    return;
  }
  setHeaders(ctx, error);
  ctx.status = error.status;
  ctx.body = errorBody(ctx.path, wireFor(ctx, error));
  // HTTP/2 can end one stream and keep the connection; it needs no such care.
  const isReceiving = error.code === 'BODY_TOO_LARGE' || ctx.req.isPaused();
  if (isReceiving && ctx.req.httpVersionMajor === 1) answerWhileReceiving(ctx);
}

function setHeaders(ctx: Context, error: LaminaError): void {
  ctx.set('x-request-id', requestIdOf(ctx));
  if (error.retryable) ctx.set('Retry-After', String(retryAfter(error)));
  // OpenAI's clients try again on most statuses; this header tells them when it is of no use.
  else ctx.set('x-should-retry', 'false');
  if (error.code === 'UNAUTHORIZED') ctx.set('WWW-Authenticate', 'Bearer');
  if (error.code === 'METHOD_NOT_ALLOWED') ctx.set('Allow', (error.details['allowed'] as string[]).join(', '));
}

function retryAfter(error: LaminaError): number {
  const seconds = error.details['retry_after'];
  return typeof seconds === 'number' && seconds > 1 ? Math.ceil(seconds) : 1;
}

function report(ctx: Context, error: LaminaError, log: Logger): void {
  log.error(
    { err: error.cause, request: requestIdOf(ctx), method: ctx.method, path: ctx.path },
    'A request failed inside Lamina',
  );
}

// Koa and its router throw errors with a status of their own for requests they cannot read.
function asLaminaError(thrown: unknown): LaminaError {
  if (LaminaError.is(thrown) || !(thrown instanceof Error)) return LaminaError.from(thrown);
  const { status, expose } = thrown as Error & { status?: unknown; expose?: unknown };
  if (expose === true && typeof status === 'number' && status < 500)
    return new LaminaError('REQUEST_INVALID', { message: thrown.message });
  return LaminaError.from(thrown);
}
