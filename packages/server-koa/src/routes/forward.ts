// Sends one inference request to the engine of its model, and responds in HTTP when the engine refuses or its answer breaks
// off.
import { LaminaError, type AcquireOptions, type ForwardResult, type Lamina } from '@lamina/core';
import type { WireError } from '@lamina/core/protocol';
import type { Context } from 'koa';
import { callerOf } from '../middleware/authentication.js';
import { errorBody } from '../middleware/errors.js';
import { visibleError, visibleTo } from '../middleware/redaction.js';
import { logInCore, requestIdOf } from '../middleware/request-log.js';
import { disconnectSignal } from '../request/disconnect-signal.js';
import type { InferenceBody } from '../request/inference-body.js';
import { WaitingStream } from '../request/waiting-stream.js';

/** Where a request goes. */
export interface ForwardTarget {
  /** What comes after `/v1/`. */
  readonly route: string;
  /** Default `POST`. */
  readonly method?: string;
  /** The query, with its question mark; default: none. */
  readonly search?: string;
  /** How long a client waits for a stream without a sign of life, in milliseconds. */
  readonly heartbeatMs: number;
  /** Refuses the request when the model is not running, instead of starting it. */
  readonly onlyRunning?: boolean;
}

/**
 * Sends a request to its model's engine and streams the answer back. When the client disconnects, everything ends.
 * @throws LaminaError what reading the body throws, and all that `Inference.forward` throws
 */
export async function forward(
  ctx: Context,
  lamina: Lamina,
  { route, method = 'POST', search = '', heartbeatMs, onlyRunning = false }: ForwardTarget,
  reading: Promise<InferenceBody>,
): Promise<void> {
  const { release, ...body } = await reading;
  const { headers } = ctx.req;
  const request = { ...body, id: requestIdOf(ctx), route, caller: callerOf(ctx), method, search, headers };
  logInCore(ctx);
  const waiting = new WaitingStream(ctx.res, request, heartbeatMs);
  const onProgress: AcquireOptions['onProgress'] = (progress) => waiting.onProgress(progress);
  try {
    const result = await lamina.inference.forward(request, waiting, {
      signal: disconnectSignal(ctx),
      onlyRunning,
      onProgress,
    });
    if (result.kind === 'refused' && !waiting.begun) return answerRefusal(ctx, result);
    ctx.respond = false;
    if (result.kind === 'cut') breakOff(ctx, route, result);
    else if (result.kind === 'refused') breakOff(ctx, route, failedWait(result.error));
  } catch (error) {
    if (!waiting.begun) throw error;
    ctx.respond = false;
    breakOff(ctx, route, failedWait(LaminaError.from(error).toWire()));
  } finally {
    waiting.stop();
    release();
  }
}

/** True for a path that cannot leave the engine's /v1, however the engine decodes it. */
export function isPlainPath(route: string): boolean {
  return /^[\w.~:-]+(\/[\w.~:-]+)*$/.test(route) && !route.split('/').some((part) => /^\.+$/.test(part));
}

/** A client that has the head of a stream gets a failure as an event. */
function failedWait(error: WireError): Parameters<typeof breakOff>[2] {
  return { error, isEventStream: true, midEvent: false, aborted: false };
}

/** Of an engine. The other statuses say that the same request fails again; 501 is one that clients repeat otherwise. */
const retryableStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

function answerRefusal(ctx: Context, { status, retryAfter, error }: Extract<ForwardResult, { kind: 'refused' }>): void {
  ctx.status = status;
  ctx.set('x-request-id', requestIdOf(ctx));
  if (retryAfter !== undefined) ctx.set('Retry-After', retryAfter);
  if (!retryableStatuses.has(status)) ctx.set('x-should-retry', 'false');
  ctx.body = errorBody(ctx, visibleTo(callerOf(ctx), error));
}

// An incomplete answer never ends cleanly: a stream gets an error event, then the connection is destroyed.
function breakOff(ctx: Context, route: string, cut: Omit<Extract<ForwardResult, { kind: 'cut' }>, 'kind'>): void {
  const { res } = ctx;
  if (cut.aborted || !cut.isEventStream || res.destroyed) {
    res.destroy();
    return;
  }
  const event = errorEvent(route, visibleError(callerOf(ctx), cut.error));
  res.write(cut.midEvent ? `\n\n${event}` : event, () => res.destroy());
}

/** The event that reports an incomplete answer, in the form that clients of the route read. */
function errorEvent(route: string, error: WireError): string {
  if (route === 'messages') return `event: error\ndata: ${JSON.stringify({ type: 'error', error })}\n\n`;
  if (route === 'responses') {
    const { message, code, param } = error;
    return `event: error\ndata: ${JSON.stringify({ type: 'error', code, message, param, error })}\n\n`;
  }
  return `data: ${JSON.stringify({ error })}\n\n`;
}
