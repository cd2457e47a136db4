// All routes and the checks before them: as a router for a Koa application, and as an application of their own.
import { LaminaError, type Caller, type Lamina } from '@lamina/core';
import { subprotocol } from '@lamina/core/protocol';
import { Router } from '@koa/router';
import Koa, { type Middleware } from 'koa';
import { authentication, hasKeys } from './middleware/authentication.js';
import { errors } from './middleware/errors.js';
import { hostCheck, originCheck, requireHost } from './middleware/host-and-origin.js';
import { notFound } from './middleware/not-found.js';
import { requestLog } from './middleware/request-log.js';
import { logResponseErrors } from './middleware/response-errors.js';
import { defaultHeartbeat, type RouterOptions } from './options.js';
import { bodyLimits, type BodyLimits } from './request/body.js';
import { backendRoutes } from './routes/backends.js';
import { documentRoutes } from './routes/documents.js';
import { downloadRoutes, suggestDownload } from './routes/downloads.js';
import { eventRoutes } from './routes/events.js';
import { healthRoutes } from './routes/health.js';
import { engineRoutes, fastInference, inferenceRoutes } from './routes/inference.js';
import { libraryRoutes } from './routes/library.js';
import { modelRoutes } from './routes/models.js';
import { mount } from './routes/mount.js';
import { requestRoutes } from './routes/requests.js';
import type { HttpRoute, RouteServices } from './routes/route.js';

/**
 * Lamina's routes for a Koa application: `app.use(laminaRouter(lamina).routes())`, before any body parser. The checks of
 * hosts, origins and keys are part of it; `router.prefix('/ai')` moves it.
 */
export function laminaRouter(lamina: Lamina, options: RouterOptions = {}): Router {
  const router = new Router();
  for (const middleware of checks(lamina, options)) router.use(middleware);
  const limits = { ...bodyLimits(options), heartbeatMs: heartbeatMsOf(options) };
  mountRoutes({ lamina, limits, closing: lamina.closing, router });
  return router;
}

/** The application of `createServer`. `closing` ends the streams that would never end by themselves. */
export function createApp(lamina: Lamina, limits: BodyLimits, options: RouterOptions, closing: AbortSignal): Koa {
  const app = new Koa();
  const router = new Router();
  const inference = { ...limits, heartbeatMs: heartbeatMsOf(options) };
  mountRoutes({ lamina, limits: inference, closing, router });
  router.get('/ws', () => {
    throw new LaminaError('REQUEST_INVALID', {
      message: `This is a WebSocket. Connect to it with the subprotocol "${subprotocol}".`,
    });
  });
  for (const middleware of checks(lamina, options)) app.use(middleware);
  app.use(fastInference(lamina, inference));
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

function mountRoutes(parts: Omit<RouteServices, 'routes'>): void {
  const routes: HttpRoute[] = [];
  const services = { ...parts, routes };
  routes.push(...ownRoutes(services));
  for (const route of routes) mount(route, services);
}

/** Lamina's own routes, in the order in which they are tested. */
function ownRoutes(services: RouteServices): HttpRoute[] {
  return [
    inferenceRoutes,
    healthRoutes,
    libraryRoutes,
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
