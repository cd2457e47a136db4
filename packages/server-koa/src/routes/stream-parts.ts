// Responds with a stream of parts, as server-sent events or as lines of JSON.
import { once } from 'node:events';
import { abortable, LaminaError } from '@lamina/core';
import type { Context } from 'koa';
import { callerOf } from '../middleware/authentication.js';
import { errorBody } from '../middleware/errors.js';
import { visibleError } from '../middleware/redaction.js';
import { requestIdOf } from '../middleware/request-log.js';
import type { StreamOptions } from './http-context.js';

const contentTypes = { sse: 'text/event-stream; charset=utf-8', ndjson: 'application/x-ndjson; charset=utf-8' };

/** See `HttpContext.stream`. `signal` is aborted when the client leaves. @throws what the iterable throws */
export async function streamParts(
  ctx: Context,
  parts: AsyncIterable<object | string>,
  { as, onError = (error) => errorBody(ctx, error), endAfterError = false }: StreamOptions,
  signal: AbortSignal,
): Promise<void> {
  const { res } = ctx;
  const written = (part: object | string): string => {
    if (typeof part === 'string') return part;
    return as === 'sse' ? `data: ${JSON.stringify(part)}\n\n` : `${JSON.stringify(part)}\n`;
  };
  const iterator = parts[Symbol.asyncIterator]();
  try {
    if (ctx.method === 'HEAD') {
      setHead(ctx, as);
      await iterator.return?.();
      return;
    }
    let part = await abortable(iterator.next(), signal);
    const first = part.done === true ? '' : written(part.value);
    setHead(ctx, as);
    ctx.respond = false;
    if (!res.write(first)) await abortable(once(res, 'drain'), signal);
    while (part.done !== true) {
      part = await abortable(iterator.next(), signal);
      if (part.done !== true && !res.write(written(part.value))) await abortable(once(res, 'drain'), signal);
    }
    res.end();
  } catch (error) {
    // Not awaited: an iterable that waits for something ends when that comes.
    Promise.resolve(iterator.return?.()).catch(() => undefined);
    if (res.headersSent && !signal.aborted) {
      const last = written(onError(visibleError(callerOf(ctx), LaminaError.from(error).toWire())));
      const sent = new Promise<unknown>((resolve) =>
        endAfterError ? res.end(last, () => resolve(undefined)) : res.write(last, resolve),
      );
      await abortable(sent, signal).catch(() => undefined);
    }
    throw error; // Destroys a response that has begun, and logs what failed.
  }
}

function setHead(ctx: Context, as: StreamOptions['as']): void {
  ctx.status = 200;
  ctx.set({
    'Content-Type': contentTypes[as],
    'Cache-Control': 'no-cache',
    'X-Accel-Buffering': 'no',
    'x-request-id': requestIdOf(ctx),
  });
}
