// All routes and the checks before them: as a router for a Koa application, and as an application of their own.
import { LaminaError, type Caller, type Lamina } from '@lamina/core';
import { subprotocol } from '@lamina/core/protocol';
import { Router } from '@koa/router';
import Koa, { type Middleware } from 'koa';
import { authentication, hasKeys } from './middleware/authentication.js';
import { errors } from './middleware/errors.js';
import { hostCheck, originCheck, requireHost } from './middleware/host-and-origin.js';
import { notFound } from './middleware/not-found.js';
import { redaction } from './middleware/redaction.js';
import { requestLog } from './middleware/request-log.js';
import { logResponseErrors } from './middleware/response-errors.js';
import { defaultHeartbeat, type RouterOptions } from './options.js';
import { bodyLimits, maxSmallBody, type BodyLimits } from './request/body.js';
import { backendRoutes } from './routes/backends.js';
import { downloadRoutes, suggestDownload } from './routes/downloads.js';
import { eventRoutes } from './routes/events.js';
import { healthRoutes } from './routes/health.js';
import { engineRoutes, fastInference, inferenceRoutes } from './routes/inference.js';
import { libraryRoutes } from './routes/library.js';
import { modelRoutes } from './routes/models.js';

/**
 * Lamina's routes for a Koa application: `app.use(laminaRouter(lamina).routes())`, before any body parser. The checks of
 * hosts, origins and keys are part of it; `router.prefix('/ai')` moves it.
 */
export function laminaRouter(lamina: Lamina, options: RouterOptions = {}): Router {
  const router = new Router();
  for (const middleware of checks(lamina, options)) router.use(middleware);
  addRoutes(router, lamina, bodyLimits(options), options, lamina.closing);
  return router;
}

/** The application of `createServer`. `closing` ends the streams that would never end by themselves. */
export function createApp(lamina: Lamina, limits: BodyLimits, options: RouterOptions, closing: AbortSignal): Koa {
  const app = new Koa();
  const router = new Router();
  addRoutes(router, lamina, limits, options, closing);
  router.get('/ws', () => {
    throw new LaminaError('REQUEST_INVALID', {
      message: `This is a WebSocket. Connect to it with the subprotocol "${subprotocol}".`,
    });
  });
  for (const middleware of checks(lamina, options)) app.use(middleware);
  app.use(fastInference(lamina, { ...limits, heartbeatMs: heartbeatMsOf(options) }));
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
    redaction,
    suggestDownload(lamina, autoDownload),
  ];
}

function addRoutes(
  router: Router,
  lamina: Lamina,
  limits: BodyLimits,
  options: RouterOptions,
  closing: AbortSignal,
): void {
  const heartbeatMs = heartbeatMsOf(options);
  const inference = { ...limits, heartbeatMs };
  const smallBody = { ...limits, bytes: Math.min(limits.bytes, maxSmallBody) };
  inferenceRoutes(router, lamina, inference);
  healthRoutes(router, lamina);
  libraryRoutes(router, lamina, smallBody);
  modelRoutes(router, lamina);
  backendRoutes(router, lamina);
  downloadRoutes(router, lamina, smallBody);
  eventRoutes(router, { lamina, heartbeatMs, closing });
  engineRoutes(router, lamina, inference);
}

function heartbeatMsOf({ heartbeatInterval = defaultHeartbeat }: RouterOptions): number {
  return heartbeatInterval * 1000;
}
