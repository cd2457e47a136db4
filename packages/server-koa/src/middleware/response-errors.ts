// Logs what Koa reports after a response has begun: mostly a client that disconnected, sometimes a bug of ours.
import type { Logger } from '@lamina/core';
import type { Context } from 'koa';
import { requestIdOf } from './request-log.js';

/** Node's error codes for a closed connection. */
const disconnected = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_UNABLE_TO_PIPE',
]);

/**
 * A listener for the event `error` of a Koa application. A lost connection is logged at `debug`; anything else is a bug,
 * and the client got an incomplete response.
 */
export function logResponseErrors(log: Logger): (error: NodeJS.ErrnoException, ctx: Context) => void {
  return (error, ctx) => {
    const fields = { err: error, request: requestIdOf(ctx), method: ctx.method, path: ctx.path };
    if (disconnected.has(error.code ?? '')) log.debug(fields, 'The client disconnected');
    else log.error(fields, 'A response broke off because of an internal error');
  };
}
