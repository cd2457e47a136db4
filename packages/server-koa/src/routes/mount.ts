// Serves routes: checks the key, the query and the body of a request, runs the handler, and responds with what it returns.
import type { Layer, RouterContext } from '@koa/router';
import type { Next } from 'koa';
import type { ContributedRoute } from '../extensions/read.js';
import { callerOf, requireKey } from '../middleware/authentication.js';
import { setRouteOwner } from '../middleware/errors.js';
import type { Around } from '../middleware/once-per-request.js';
import { isJson, visibleTo } from '../middleware/redaction.js';
import { maxSmallBody, readBody } from '../request/body.js';
import { parseJson } from '../request/json.js';
import { requireValid } from '../request/require-valid.js';
import { RequestContext } from './request-context.js';
import type { HttpRoute, RouteServices } from './route.js';

/** What runs around the handlers of routes. */
export interface AroundRoutes {
  /** Before everything else: the checks of hosts, origins and keys, unless they run before the router. */
  readonly checks?: Around | undefined;
  /** Between the check of the key and the handler. */
  readonly middleware: Around | undefined;
}

/** Adds a route of Lamina's own. */
export function mountOwn(route: HttpRoute, services: RouteServices, around: AroundRoutes): Layer {
  return register(route, services, around, (ctx, next) =>
    serve(route, new RequestContext(ctx, services, next), services, around),
  );
}

/** Adds a route of a plugin. Its errors have the shape of the plugin, until it hands the request on. */
export function mountContributed(
  { plugin, route, errorBody }: ContributedRoute,
  services: RouteServices,
  around: AroundRoutes,
): Layer {
  return register(route, services, around, (ctx, next) => {
    const context = new RequestContext(ctx, services, () => {
      setRouteOwner(ctx, undefined);
      ctx.res.statusCode = 404;
      return next();
    });
    setRouteOwner(ctx, {
      plugin,
      ...(errorBody === undefined ? {} : { errorBody: (error) => errorBody(error, context) }),
    });
    return serve(route, context, services, around, plugin);
  });
}

function register(
  { method, path }: HttpRoute,
  { router }: RouteServices,
  { checks }: AroundRoutes,
  handle: (ctx: RouterContext, next: Next) => Promise<void>,
): Layer {
  // In the route itself, because `router.use` compares the prefix with the case of its letters, and a route without.
  const checked =
    checks === undefined ? handle : (ctx: RouterContext, next: Next) => checks(ctx, () => handle(ctx, next));
  return router.register(path, [method], checked) as Layer;
}

/** Nothing of the route runs before the check of the key. */
async function serve(
  route: HttpRoute,
  context: RequestContext,
  services: RouteServices,
  { middleware }: AroundRoutes,
  plugin?: string,
): Promise<void> {
  const { scope } = route;
  const { koa } = context;
  if (scope !== 'public') requireKey(koa, scope === 'any' ? undefined : scope);
  const answer = async (): Promise<void> => {
    if (route.query !== undefined) requireValid(route.query, koa.query, 'The parameter');
    const release = await readChecked(route, context, services);
    try {
      koa.res.statusCode = 204; // For a handler that neither returns nor sends anything. A body makes it 200.
      const value = await route.handler(context);
      if (value === undefined) return;
      if (typeof value === 'string' && koa.response.type === '') koa.type = 'text/plain';
      // What a plugin returns may be the text of a model, in which a path is only a word.
      koa.body = plugin === undefined && isJson(value) ? visibleTo(callerOf(koa), value) : value;
    } finally {
      release();
    }
  };
  await (middleware === undefined ? answer() : middleware(koa, answer));
}

/** Reads the body where the route has a schema for it. Returns what releases its memory. @throws as `readBody` */
async function readChecked(
  { body: schema, scope }: HttpRoute,
  context: RequestContext,
  { limits }: RouteServices,
): Promise<() => void> {
  if (schema === undefined) return () => undefined;
  const limit = scope === 'inference' ? limits.bytes : Math.min(limits.bytes, maxSmallBody);
  const { bytes, release } = await readBody(context.koa.req, { memory: limits.memory, bytes: limit });
  try {
    context.body = bytes.length === 0 ? {} : parseJson(bytes, 'The body');
    requireValid(schema, context.body, 'The body is invalid:');
    return release;
  } catch (error) {
    release();
    throw error;
  }
}
