// /v1/* and /chat/:name: passes inference requests to the engine of their model, and responds in HTTP when the engine
// refuses or its answer breaks off.
import { LaminaError, type AcquireOptions, type ForwardResult, type Lamina } from '@lamina/core';
import type { WireError } from '@lamina/core/protocol';
import type { Router, RouterContext } from '@koa/router';
import type { Context, Middleware } from 'koa';
import { callerOf, requireKey } from '../middleware/authentication.js';
import { errorBody } from '../middleware/errors.js';
import { anyRoute, routeAtEnd, unknownRoute } from '../middleware/not-found.js';
import { visibleError } from '../middleware/redaction.js';
import { logInCore, requestIdOf } from '../middleware/request-log.js';
import type { BodyLimits } from '../request/body.js';
import { disconnectSignal } from '../request/disconnect-signal.js';
import { WaitingStream } from '../request/waiting-stream.js';
import { requiredFields, readInferenceBody, readQuery, type InferenceBody } from '../request/inference-body.js';

/** Path → inference route. Clients whose base URL lacks /v1 are served as well. */
const inferencePaths: ReadonlyMap<string, string> = new Map(
  [...requiredFields.keys()].flatMap((route) => [
    [`/v1/${route}`, route],
    [`/${route}`, route],
  ]),
);

/** The limits of bodies, and how long a client waits for a stream without a sign of life. */
export interface InferenceLimits extends BodyLimits {
  readonly heartbeatMs: number;
}

/** Adds the routes. A model named `completions` has no route of its own: /chat/completions is OpenAI's. */
export function inferenceRoutes(router: Router, lamina: Lamina, limits: InferenceLimits): void {
  for (const [path, route] of inferencePaths) router.post(path, (ctx) => infer(ctx, lamina, route, limits));
  router.post('/chat/*name', (ctx) => infer(ctx, lamina, 'chat/completions', limits, ctx.params['name']));
}

/** Adds the route for all other requests under /v1, which engines answer. It has to be the last one. */
export function engineRoutes(router: Router, lamina: Lamina, limits: InferenceLimits): void {
  router.register(anyRoute, ['GET', 'POST', 'DELETE'], (ctx: RouterContext) => passOn(ctx, lamina, limits));
}

/** Serves the most frequent requests before the router, which tests all routes one after the other. */
export function fastInference(lamina: Lamina, limits: InferenceLimits): Middleware {
  return (ctx, next) => {
    if (ctx.method !== 'POST') return next();
    const route = inferencePaths.get(ctx.path);
    if (route !== undefined) return infer(ctx, lamina, route, limits);
    const name = /^\/chat\/([\w.:-]+)$/.exec(ctx.path)?.[1]; // A name that needs no decoding.
    return name === undefined ? next() : infer(ctx, lamina, 'chat/completions', limits, name);
  };
}

function infer(ctx: Context, lamina: Lamina, route: string, limits: InferenceLimits, model?: string): Promise<void> {
  requireKey(ctx, 'inference');
  return forward(
    ctx,
    lamina,
    { route, heartbeatMs: limits.heartbeatMs },
    readInferenceBody(ctx.req, route, limits, model),
  );
}

// The effect of such a request is unknown, and a web page can make a browser send a GET, so it never starts a model.
function passOn(ctx: RouterContext, lamina: Lamina, limits: InferenceLimits): Promise<void> {
  requireKey(ctx, 'inference');
  const route = ctx.params['route'] ?? '';
  if (requiredFields.has(route))
    throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed: ['POST'] });
  if (/^models(\/|$)/.test(route))
    throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed: ['GET', 'HEAD'] });
  if (!isPlainPath(route) || isNested(route)) throw unknownRoute(ctx, ctx.router);
  return forward(ctx, lamina, { route, heartbeatMs: limits.heartbeatMs }, readNamedModel(ctx, route, limits), true);
}

// A request that names no model is more likely a misspelt path than a route of an engine.
async function readNamedModel(ctx: RouterContext, route: string, limits: InferenceLimits): Promise<InferenceBody> {
  try {
    return ctx.method === 'POST' ? await readInferenceBody(ctx.req, route, limits) : readQuery(ctx.querystring);
  } catch (error) {
    throw LaminaError.is(error, 'REQUEST_INVALID') && error.details['param'] === 'model'
      ? unknownRoute(ctx, ctx.router)
      : error;
  }
}

// True for a path that cannot leave the engine's /v1, however the engine decodes it.
function isPlainPath(route: string): boolean {
  return /^[\w.~:-]+(\/[\w.~:-]+)*$/.test(route) && !route.split('/').some((part) => /^\.+$/.test(part));
}

// True for `v1/chat/completions` and `chat/completions/chat/completions`: the base URL is wrong, and no engine has these.
function isNested(route: string): boolean {
  const inner = routeAtEnd(route);
  return route.startsWith('v1/') || (inner !== undefined && requiredFields.has(route.slice(0, -inner.length - 1)));
}

/**
 * Sends a request to its model's engine and streams the answer back. When the client disconnects, everything ends.
 * `onlyRunning` refuses the request when the model is not running, instead of starting it.
 * @throws LaminaError what reading the body throws, and all that `Inference.forward` throws
 */
async function forward(
  ctx: Context,
  lamina: Lamina,
  { route, heartbeatMs }: { readonly route: string; readonly heartbeatMs: number },
  reading: Promise<InferenceBody>,
  onlyRunning = false,
): Promise<void> {
  const { release, ...body } = await reading;
  const { method, search } = ctx;
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
  ctx.body = errorBody(ctx.path, error);
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
