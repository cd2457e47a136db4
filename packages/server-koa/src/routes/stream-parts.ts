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

/** What a stream needs besides its options. */
interface StreamTerms {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** How long a client waits for a sign of life, in milliseconds. */
  readonly heartbeatMs: number;
}

/** See `HttpContext.stream`. @throws what the iterable throws */
export async function streamParts(
  ctx: Context,
  parts: AsyncIterable<object | string>,
  { as, onSilence, onError = (error) => errorBody(ctx, error), endAfterError = false }: StreamOptions,
  { signal, heartbeatMs }: StreamTerms,
): Promise<void> {
  const { res } = ctx;
  let isSilent = true;
  const written = (part: object | string): string => {
    if (typeof part === 'string') return part;
    return as === 'sse' ? `data: ${JSON.stringify(part)}\n\n` : `${JSON.stringify(part)}\n`;
  };
  const write = (part: object | string): boolean => {
    if (!res.headersSent) setHead(ctx, as);
    ctx.respond = false;
    isSilent = false;
    return res.write(written(part));
  };
  const waits = new Waits(signal);
  const beat = (): void => {
    try {
      if (isSilent && !res.writableNeedDrain) write(onSilence!());
      isSilent = true;
    } catch (error) {
      waits.fail(error);
    }
  };
  const iterator = parts[Symbol.asyncIterator]();
  const timer = onSilence === undefined ? undefined : setInterval(beat, heartbeatMs).unref();
  try {
    if (ctx.method === 'HEAD') {
      setHead(ctx, as);
      await iterator.return?.();
      return;
    }
    for (;;) {
      const part = await waits.for(iterator.next());
      if (part.done === true) break;
      if (!write(part.value)) await waits.for(once(res, 'drain'));
    }
    if (!res.headersSent) setHead(ctx, as);
    ctx.respond = false;
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
  } finally {
    clearInterval(timer);
    waits.end();
  }
}

/** Waits for one promise after the other until a signal is aborted: one listener for a stream, not one for each part. */
class Waits {
  #fail: (error: unknown) => void = () => undefined;

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', this.#onAbort);
  }

  /** @throws the signal's reason, what `fail` is called with, and what the promise rejects with */
  for<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      if (this.signal.aborted) this.#onAbort();
      work.then(resolve, reject);
    });
  }

  /** Ends the wait under way. */
  fail(error: unknown): void {
    this.#fail(error);
  }

  end(): void {
    this.signal.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => this.fail(this.signal.reason);
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
