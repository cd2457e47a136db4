// /v1/* and /chat/:name: passes inference requests to the engine of their model.
import { LaminaError, type Lamina, type Schema } from '@lamina/core';
import type { Router } from '@koa/router';
import type { Context, Middleware } from 'koa';
import { requireKey } from '../middleware/authentication.js';
import type { Around } from '../middleware/once-per-request.js';
import { anyRoute, routeAtEnd, unknownRoute } from '../middleware/not-found.js';
import {
  inferenceBodySchemas,
  readInferenceBody,
  readQuery,
  requiredFields,
  type InferenceBody,
} from '../request/inference-body.js';
import { forward, isPlainPath } from './forward.js';
import type { HttpContext } from './http-context.js';
import type { HttpRoute, InferenceLimits, RouteServices } from './route.js';

/** Path → inference route. Clients whose base URL lacks /v1 are served as well. */
const inferencePaths: ReadonlyMap<string, string> = new Map(
  [...requiredFields.keys()].flatMap((route) => [
    [`/v1/${route}`, route],
    [`/${route}`, route],
  ]),
);

const modelQuerySchema = {
  type: 'object',
  properties: { model: { type: 'string', description: 'The name or alias of a model.' } },
} as const;

/** Routes whose answer is a stream of events when the body has `stream: true`. */
const streamed: ReadonlySet<string> = new Set(['chat/completions', 'completions', 'responses', 'messages']);

/** What a route answers: it is passed on as the engine wrote it. */
function answerSchemas(route: string): Readonly<Record<string, Schema>> {
  if (route.startsWith('audio/')) return { '*/*': { description: 'The answer of the engine.' } };
  return {
    'application/json': { type: 'object', additionalProperties: true, description: 'The answer of the engine.' },
    ...(streamed.has(route)
      ? { 'text/event-stream': { type: 'string', description: 'With `stream: true`: the events of the engine.' } }
      : {}),
  };
}

/** The routes. A model named `completions` has no route of its own: /chat/completions is OpenAI's. */
export function inferenceRoutes({ lamina, limits }: RouteServices): HttpRoute[] {
  const summary = 'An inference request, as the engine of the model takes it';
  const route = { method: 'POST', scope: 'inference', summary } as const;
  return [
    ...[...inferencePaths].map(([path, name]) => ({
      ...route,
      path,
      content: { request: inferenceBodySchemas(name), response: answerSchemas(name) },
      handler: ({ koa }: HttpContext) => infer(koa, lamina, name, limits),
    })),
    {
      ...route,
      path: '/chat/*name',
      summary: 'A chat completion with this model',
      content: {
        request: inferenceBodySchemas('chat/completions', false),
        response: answerSchemas('chat/completions'),
      },
      handler: ({ koa, params }) => infer(koa, lamina, 'chat/completions', limits, params['name']),
    },
  ];
}

/** The routes for all other requests under /v1, which engines answer. They have to be the last ones. */
export function engineRoutes(services: RouteServices): HttpRoute[] {
  return (['GET', 'POST', 'DELETE'] as const).map((method) => ({
    method,
    path: anyRoute,
    scope: 'inference',
    summary: 'Any other route of an engine; the model must be running',
    ...(method === 'POST' ? {} : { query: modelQuerySchema }),
    content: {
      ...(method === 'POST' ? { request: inferenceBodySchemas('') } : {}),
      response: { '*/*': { description: 'The answer of the engine.' } },
    },
    handler: (ctx) => passOn(ctx, services),
  }));
}

/** What routes of plugins change about the most frequent requests. */
export interface FastPath {
  /** Whether a route of a plugin answers `POST` on this path. */
  isTaken(path: string): boolean;
  readonly around: Around | undefined;
}

/** Serves the most frequent requests before the router, which tests all routes one after the other. */
export function fastInference(lamina: Lamina, limits: InferenceLimits, { isTaken, around }: FastPath): Middleware {
  const paths = new Map([...inferencePaths].filter(([path]) => !isTaken(path)));
  return (ctx, next) => {
    if (ctx.method !== 'POST') return next();
    const route = paths.get(ctx.path);
    if (route !== undefined) return run(ctx, route);
    const name = /^\/chat\/([\w.:-]+)$/.exec(ctx.path)?.[1]; // A name that needs no decoding.
    return name === undefined || isTaken(ctx.path) ? next() : run(ctx, 'chat/completions', name);
  };
  function run(ctx: Context, route: string, model?: string): Promise<void> {
    requireKey(ctx, 'inference');
    if (around === undefined) return infer(ctx, lamina, route, limits, model);
    return around(ctx, () => infer(ctx, lamina, route, limits, model));
  }
}

function infer(ctx: Context, lamina: Lamina, route: string, limits: InferenceLimits, model?: string): Promise<void> {
  const { search } = ctx;
  const { heartbeatMs } = limits;
  return forward(ctx, lamina, { route, search, heartbeatMs }, readInferenceBody(ctx.req, route, limits, model));
}

// The effect of such a request is unknown, and a web page can make a browser send a GET, so it never starts a model.
function passOn({ koa: ctx, params }: HttpContext, { lamina, limits, router }: RouteServices): Promise<void> {
  const route = params['route']!;
  if (requiredFields.has(route))
    throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed: ['POST'] });
  if (/^models(\/|$)/.test(route))
    throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed: ['GET', 'HEAD'] });
  if (!isPlainPath(route) || isNested(route)) throw unknownRoute(ctx, router);
  const { method, search } = ctx;
  const target = { route, method, search, heartbeatMs: limits.heartbeatMs, onlyRunning: true };
  return forward(ctx, lamina, target, readNamedModel(ctx, route, limits, router));
}

// A request that names no model is more likely a misspelt path than a route of an engine.
async function readNamedModel(
  ctx: Context,
  route: string,
  limits: InferenceLimits,
  router: Router,
): Promise<InferenceBody> {
  try {
    return ctx.method === 'POST' ? await readInferenceBody(ctx.req, route, limits) : readQuery(ctx.querystring);
  } catch (error) {
    throw LaminaError.is(error, 'REQUEST_INVALID') && error.details['param'] === 'model'
      ? unknownRoute(ctx, router)
      : error;
  }
}

// True for `v1/chat/completions` and `chat/completions/chat/completions`: the base URL is wrong, and no engine has these.
function isNested(route: string): boolean {
  const inner = routeAtEnd(route);
  return route.startsWith('v1/') || (inner !== undefined && requiredFields.has(route.slice(0, -inner.length - 1)));
}
