// /v1/*: OpenAI's API. The list of models is Lamina's; everything else goes to the engine of the model it names.
import { LaminaError, type Lamina } from '@lamina/core';
import type { Router, RouterContext } from '@koa/router';
import { requireKey } from '../middleware/authentication.js';
import { anyRoute, unknownRoute } from '../middleware/not-found.js';
import { forward, type Gateway } from '../proxy/forward.js';
import { readIncoming, readQuery, type Incoming } from '../proxy/incoming.js';
import { inferenceRoutes } from '../proxy/inference-routes.js';

/** Adds the routes. */
export function openaiRoutes(router: Router, gateway: Gateway): void {
  const since = Math.floor(Date.now() / 1000);
  for (const route of inferenceRoutes.keys()) router.post(`/v1/${route}`, (ctx) => infer(ctx, route, gateway));
  router.get('/v1/models', (ctx) => {
    requireKey(ctx);
    ctx.body = { object: 'list', data: namesOf(gateway.lamina).map((id) => modelObject(id, since)) };
  });
  router.get('/v1/models/*name', (ctx) => {
    requireKey(ctx);
    const id = ctx.params['name'] ?? '';
    gateway.lamina.models.resolve(id);
    ctx.body = modelObject(id, since);
  });
  router.register(anyRoute, ['GET', 'POST', 'DELETE'], (ctx: RouterContext) => passOn(ctx, gateway));
}

function infer(ctx: RouterContext, route: string, gateway: Gateway): Promise<void> {
  requireKey(ctx, 'inference');
  return forward(ctx, route, readIncoming(ctx.req, route, gateway.body), gateway);
}

// What engines offer beside the routes above; the request only has to say which model's engine is meant. Nobody knows
// what such a request does, and a web page can make a browser send a GET, so none of them starts a model.
function passOn(ctx: RouterContext, gateway: Gateway): Promise<void> {
  requireKey(ctx, 'inference');
  const route = ctx.params['route'] ?? '';
  if (inferenceRoutes.has(route))
    throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed: ['POST'] });
  if (/^models(\/|$)/.test(route))
    throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed: ['GET', 'HEAD'] });
  if (!isPlain(route)) throw unknownRoute(ctx.method, ctx.path, ctx.router.stack);
  return forward(ctx, route, namedModel(ctx, route, gateway), gateway, { onlyRunning: true });
}

// A request that names no model is more likely a misspelt path than a route of an engine.
async function namedModel(ctx: RouterContext, route: string, gateway: Gateway): Promise<Incoming> {
  try {
    return ctx.method === 'POST' ? await readIncoming(ctx.req, route, gateway.body) : readQuery(ctx.querystring);
  } catch (error) {
    throw LaminaError.is(error, 'REQUEST_INVALID') ? unknownRoute(ctx.method, ctx.path, ctx.router.stack) : error;
  }
}

// Nothing that could lead out of the engine's /v1, whichever way the engine reads it.
function isPlain(route: string): boolean {
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
