// Passes an inference request to its engine, and answers in HTTP when the engine refuses or its answer breaks off.
import type { ForwardResult, Lamina } from '@lamina/core';
import type { WireError } from '@lamina/core/protocol';
import type { Context } from 'koa';
import { scopesOf } from '../middleware/authentication.js';
import { errorBody } from '../middleware/errors.js';
import { visibleError } from '../middleware/redaction.js';
import { logInCore, requestIdOf } from '../middleware/request-log.js';
import { disconnectSignal } from './disconnect-signal.js';
import type { InferenceBody } from './inference-body.js';

/**
 * Sends a request to its model's engine and streams the answer back. When the client disconnects, everything ends.
 * `onlyRunning` refuses the request when the model is not running, instead of starting it.
 * @throws LaminaError what reading the body throws, and all that `Inference.forward` throws
 */
export async function forward(
  ctx: Context,
  lamina: Lamina,
  route: string,
  reading: Promise<InferenceBody>,
  onlyRunning = false,
): Promise<void> {
  const { release, ...body } = await reading;
  const { method, search } = ctx;
  const request = { ...body, id: requestIdOf(ctx), route, method, search, headers: ctx.req.headers };
  logInCore(ctx);
  try {
    const result = await lamina.inference.forward(request, ctx.res, { signal: disconnectSignal(ctx), onlyRunning });
    if (result.kind === 'refused') return answerRefusal(ctx, result);
    ctx.respond = false;
    if (result.kind === 'cut') breakOff(ctx, route, result);
  } finally {
    release();
  }
}

function answerRefusal(ctx: Context, { status, retryAfter, error }: Extract<ForwardResult, { kind: 'refused' }>): void {
  ctx.status = status;
  ctx.set('x-request-id', requestIdOf(ctx));
  if (retryAfter !== undefined) ctx.set('Retry-After', retryAfter);
  ctx.body = errorBody(ctx.path, error);
}

// An incomplete answer never ends cleanly: a stream gets an error event, then the connection is destroyed.
function breakOff(ctx: Context, route: string, cut: Extract<ForwardResult, { kind: 'cut' }>): void {
  const { res } = ctx;
  if (cut.aborted || !cut.isEventStream || res.destroyed) {
    res.destroy();
    return;
  }
  const event = errorEvent(route, visibleError(scopesOf(ctx), cut.error));
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
