// The one place where what was thrown becomes an answer: one shape, the right status, no stack.
import { randomUUID } from 'node:crypto';
import { LaminaError, type Logger } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import { answerWhileReceiving } from './answer-while-receiving.js';
import { errorBody, wireFor } from './error-body.js';

/** Catches everything the middleware after it throws. Only faults of Lamina itself are logged; all other errors are answers. */
export function errors(log: Logger): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      answer(ctx, asLaminaError(thrown), log);
    }
  };
}

function answer(ctx: Context, error: LaminaError, log: Logger): void {
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
  const request = randomUUID();
  if (ctx.writable && !ctx.res.headersSent) ctx.set('x-request-id', request);
  log.error({ err: error.cause, method: ctx.method, path: ctx.path, request }, 'Request failed');
}

// Koa and its router throw errors with a status of their own for requests they cannot read.
function asLaminaError(thrown: unknown): LaminaError {
  if (LaminaError.is(thrown) || !(thrown instanceof Error)) return LaminaError.from(thrown);
  const { status, expose } = thrown as Error & { status?: unknown; expose?: unknown };
  if (expose === true && typeof status === 'number' && status < 500) return new LaminaError('REQUEST_INVALID', { message: thrown.message });
  return LaminaError.from(thrown);
}
