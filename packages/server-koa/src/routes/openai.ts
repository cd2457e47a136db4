// /v1/* and /chat/:name: OpenAI's API. The list of models is Lamina's; all other requests go to the model's engine.
import { LaminaError, type Lamina } from '@lamina/core';
import type { Router, RouterContext } from '@koa/router';
import type { Context, Middleware } from 'koa';
import { requireKey } from '../middleware/authentication.js';
import { anyRoute, unknownRoute } from '../middleware/not-found.js';
import type { BodyLimits } from '../request/body.js';
import { forward } from '../request/forward.js';
import { inferenceRoutes, readInferenceBody, readQuery, type InferenceBody } from '../request/inference-body.js';

/** Adds the routes. */
export function openaiRoutes(router: Router, lamina: Lamina, limits: BodyLimits): void {
  const createdAt = Math.floor(Date.now() / 1000);
  for (const route of inferenceRoutes.keys()) router.post(`/v1/${route}`, (ctx) => infer(ctx, lamina, route, limits));
  router.post('/chat/*name', (ctx) => infer(ctx, lamina, 'chat/completions', limits, ctx.params['name']));
  router.get('/v1/models', (ctx) => {
    requireKey(ctx);
    ctx.body = { object: 'list', data: namesOf(lamina).map((id) => modelObject(id, createdAt)) };
  });
  router.get('/v1/models/*name', (ctx) => {
    requireKey(ctx);
    const id = ctx.params['name'] ?? '';
    lamina.models.resolve(id);
    ctx.body = modelObject(id, createdAt);
  });
}

/** Adds the route for all other requests under /v1, which engines answer. It has to be the last one. */
export function engineRoutes(router: Router, lamina: Lamina, limits: BodyLimits): void {
  router.register(anyRoute, ['GET', 'POST', 'DELETE'], (ctx: RouterContext) => passOn(ctx, lamina, limits));
}

/** Serves the most frequent requests before the router, which tests all routes one after the other. */
export function fastInference(lamina: Lamina, limits: BodyLimits): Middleware {
  const routes = new Map([...inferenceRoutes.keys()].map((route) => [`/v1/${route}`, route]));
  return (ctx, next) => {
    if (ctx.method !== 'POST') return next();
    const route = routes.get(ctx.path);
    if (route !== undefined) return infer(ctx, lamina, route, limits);
    const name = /^\/chat\/([\w.:-]+)$/.exec(ctx.path)?.[1]; // A name that needs no decoding.
    return name === undefined ? next() : infer(ctx, lamina, 'chat/completions', limits, name);
  };
}

function infer(ctx: Context, lamina: Lamina, route: string, limits: BodyLimits, model?: string): Promise<void> {
  requireKey(ctx, 'inference');
  return forward(ctx, lamina, route, readInferenceBody(ctx.req, route, limits, model));
}

// The effect of such a request is unknown, and a web page can make a browser send a GET, so it never starts a model.
function passOn(ctx: RouterContext, lamina: Lamina, limits: BodyLimits): Promise<void> {
  requireKey(ctx, 'inference');
  const route = ctx.params['route'] ?? '';
  if (inferenceRoutes.has(route))
    throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed: ['POST'] });
  if (/^models(\/|$)/.test(route))
    throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed: ['GET', 'HEAD'] });
  if (!isPlainPath(route)) throw unknownRoute(ctx.method, ctx.path, ctx.router.stack);
  return forward(ctx, lamina, route, readNamedModel(ctx, route, limits), true);
}

// A request that names no model is more likely a misspelt path than a route of an engine.
async function readNamedModel(ctx: RouterContext, route: string, limits: BodyLimits): Promise<InferenceBody> {
  try {
    return ctx.method === 'POST' ? await readInferenceBody(ctx.req, route, limits) : readQuery(ctx.querystring);
  } catch (error) {
    throw LaminaError.is(error, 'REQUEST_INVALID') ? unknownRoute(ctx.method, ctx.path, ctx.router.stack) : error;
  }
}

// True for a path that cannot leave the engine's /v1, however the engine decodes it.
function isPlainPath(route: string): boolean {
  return /^[\w.~:-]+(\/[\w.~:-]+)*$/.test(route) && !route.split('/').some((part) => /^\.+$/.test(part));
}

function namesOf({ models }: Lamina): string[] {
  return models
    .list()
    .filter(({ available }) => available)
    .flatMap(({ model }) => [model.name, ...model.aliases]);
}

function modelObject(id: string, created: number): object {
  return { id, object: 'model', created, owned_by: 'lamina' };
}
