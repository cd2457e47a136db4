// All routes and the checks before them: as a router for a Koa application, and as an application of their own.
import { LaminaError, type Caller, type Lamina } from '@lamina/core';
import { subprotocol } from '@lamina/core/protocol';
import { Router, type Layer } from '@koa/router';
import Koa, { type Middleware } from 'koa';
import { readHttpExtensions } from './extensions/read.js';
import { authentication, hasKeys } from './middleware/authentication.js';
import { errors } from './middleware/errors.js';
import { hostCheck, originCheck, requireHost } from './middleware/host-and-origin.js';
import { oncePerRequest, type Around } from './middleware/once-per-request.js';
import { notFound } from './middleware/not-found.js';
import { requestLog } from './middleware/request-log.js';
import { logResponseErrors } from './middleware/response-errors.js';
import { defaultHeartbeat, type RouterOptions } from './options.js';
import { bodyLimits, type BodyLimits } from './request/body.js';
import { backendRoutes } from './routes/backends.js';
import { documentRoutes } from './routes/documents.js';
import { downloadRoutes, suggestDownload } from './routes/downloads.js';
import { eventRoutes } from './routes/events.js';
import { logRoutes } from './routes/logs.js';
import { healthRoutes } from './routes/health.js';
import { engineRoutes, fastInference, inferenceRoutes, type FastPath } from './routes/inference.js';
import { libraryRoutes } from './routes/library.js';
import { modelRoutes } from './routes/models.js';
import { mountContributed, mountOwn } from './routes/mount.js';
import { pageRedirect } from './routes/page.js';
import { requestRoutes } from './routes/requests.js';
import type { HttpRoute, RouteServices } from './routes/route.js';

/**
 * Lamina's routes for a Koa application: `app.use(laminaRouter(lamina).routes())`, before any body parser. The checks of
 * hosts, origins and keys are part of it; `router.prefix('/ai')` moves it.
 */
export function laminaRouter(lamina: Lamina, options: RouterOptions = {}): Router {
  const router = new Router();
  const limits = { ...bodyLimits(options), heartbeatMs: heartbeatMsOf(options) };
  mountRoutes({ lamina, limits, closing: lamina.closing, router }, { checks: oncePerRequest(checks(lamina, options)) });
  return router;
}

/** The application of `createServer`. `closing` ends the streams that would never end by themselves. */
export function createApp(lamina: Lamina, limits: BodyLimits, options: RouterOptions, closing: AbortSignal): Koa {
  const app = new Koa();
  const router = new Router();
  const inference = { ...limits, heartbeatMs: heartbeatMsOf(options) };
  const fastPath = mountRoutes({ lamina, limits: inference, closing, router }, { more: [upgradeHint] });
  for (const middleware of checks(lamina, options)) app.use(middleware);
  app.use(fastInference(lamina, inference, fastPath));
  app.use(router.routes());
  app.use(notFound(router));
  app.on('error', logResponseErrors(lamina.log));
  return app;
}

/** The middleware before the routes, in order. */
export function checks(
  lamina: Lamina,
  { apiKeys, allowedHosts = [], cors = [], autoDownload = false }: RouterOptions,
  via: Caller['via'] = 'http',
): Middleware[] {
  return [
    requestLog(lamina.log),
    errors(lamina.log),
    requireHost,
    ...(hasKeys(apiKeys) ? [] : [hostCheck(allowedHosts)]), // A web page cannot have a key, whatever its host name.
    originCheck(cors),
    authentication(apiKeys, via),
    suggestDownload(lamina, autoDownload),
  ];
}

/**
 * Adds all routes: those of plugins first, or nobody could answer a route of Lamina differently; before them, only the
 * one that sends browsers to a page.
 * @throws LaminaError `PLUGIN_INVALID` for a plugin whose extension `http` is wrong
 */
function mountRoutes(
  parts: Omit<RouteServices, 'routes' | 'frames'>,
  { checks, more = [] }: { readonly checks?: Around | undefined; readonly more?: readonly HttpRoute[] },
): FastPath {
  const { routes: contributions, middleware, pages, frames } = readHttpExtensions(parts.lamina);
  const around = { checks, middleware: oncePerRequest(middleware) };
  const routes = contributions.map(({ route }) => route);
  const services = { ...parts, routes, frames };
  const own = ownRoutes(services);
  routes.push(...own);
  if (pages[0] !== undefined) mountOwn(pageRedirect(pages[0]), services, around);
  const posts: Layer[] = [];
  /** Plugin → the routes of Lamina that it answers. */
  const replaced = new Map<string, string[]>();
  for (const contributed of contributions) {
    const layer = mountContributed(contributed, services, around);
    const { plugin, route } = contributed;
    if (route.method === 'POST') posts.push(layer);
    const taken = own.filter(({ method, path }) => method === route.method && layer.match(path));
    for (const { method, path } of taken) replaced.set(plugin, [...(replaced.get(plugin) ?? []), `${method} ${path}`]);
  }
  for (const [plugin, names] of replaced)
    services.lamina.log.info(
      { event: 'routes.replaced', plugin, routes: names },
      `The plugin "${plugin}" answers ${names.join(', ')} instead of Lamina`,
    );
  for (const route of [...own, ...more]) mountOwn(route, services, around);
  return { around: around.middleware, isTaken: (path) => posts.some((layer) => layer.match(path)) };
}

/** For a request to the WebSocket that is not an upgrade. */
const upgradeHint: HttpRoute = {
  method: 'GET',
  path: '/ws',
  scope: 'public',
  summary: 'The WebSocket',
  handler() {
    throw new LaminaError('REQUEST_INVALID', {
      message: `This is a WebSocket. Connect to it with the subprotocol "${subprotocol}".`,
    });
  },
};

/** Lamina's own routes, in the order in which they are tested. */
function ownRoutes(services: RouteServices): HttpRoute[] {
  return [
    inferenceRoutes,
    healthRoutes,
    libraryRoutes,
    logRoutes,
    modelRoutes,
    backendRoutes,
    downloadRoutes,
    eventRoutes,
    requestRoutes,
    documentRoutes,
    engineRoutes,
  ].flatMap((routes) => routes(services));
}

function heartbeatMsOf({ heartbeatInterval = defaultHeartbeat }: RouterOptions): number {
  return heartbeatInterval * 1000;
}
