// What Koa reports after an answer has begun: mostly a client that left, sometimes a fault of ours.
import type { Logger } from '@lamina/core';
import type { Context } from 'koa';
import { requestIdOf } from './request-log.js';

/** How Node reports that the other side has gone. */
const lost = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_UNABLE_TO_PIPE',
]);

/**
 * For the event `error` of a Koa application. A lost connection is logged at `debug`; anything else is a fault, and the
 * client got half an answer.
 */
export function logAnswerFailures(log: Logger): (error: NodeJS.ErrnoException, ctx: Context) => void {
  return (error, ctx) => {
    const about = { err: error, request: requestIdOf(ctx), method: ctx.method, path: ctx.path };
    if (lost.has(error.code ?? '')) log.debug(about, 'The connection was lost');
    else log.error(about, 'An answer broke off because of a fault in Lamina');
  };
}
