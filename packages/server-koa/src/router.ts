// Every route in one router.
import type { Lamina } from '@lamina/core';
import { Router } from '@koa/router';
import type { Middleware } from 'koa';
import { authentication } from './middleware/authentication.js';
import { errors } from './middleware/errors.js';
import { hostCheck, requireHost } from './middleware/host-check.js';
import { originCheck } from './middleware/origin-check.js';
import { redaction } from './middleware/redaction.js';
import { requestLog } from './middleware/request-log.js';
import { defaultHeartbeat, type RouterOptions } from './options.js';
import { bodyLimits, smallBodyLimit } from './proxy/body.js';
import type { Gateway } from './proxy/forward.js';
import { Upstreams } from './proxy/upstreams.js';
import { backendRoutes } from './routes/backends.js';
import { chatRoutes } from './routes/chat.js';
import { downloadRoutes, offerDownload } from './routes/downloads.js';
import { eventRoutes } from './routes/events.js';
import { healthRoutes } from './routes/health.js';
import { libraryRoutes } from './routes/library.js';
import { modelRoutes } from './routes/models.js';
import { openaiRoutes } from './routes/openai.js';

/**
 * Lamina's routes for a Koa application of your own: `app.use(laminaRouter(lamina).routes())`, in front of any body
 * parser. The checks of hosts, origins and keys are part of it; `router.prefix('/ai')` moves it. Its connections to
 * engines end with the engines.
 */
export function laminaRouter(lamina: Lamina, options: RouterOptions = {}): Router {
  const router = new Router();
  for (const middleware of checks(lamina, options)) router.use(middleware);
  addRoutes(router, { lamina, upstreams: new Upstreams(), body: bodyLimits(options) }, options, lamina.closing);
  return router;
}

/** What a request passes before it reaches a route, in this order. */
export function checks(
  lamina: Lamina,
  { apiKeys = [], allowedHosts = [], cors = [], autoDownload = false }: RouterOptions,
): Middleware[] {
  return [
    requestLog(lamina.log),
    errors(lamina.log),
    requireHost,
    // A key is worth more than a name: no web page can have it.
    ...(apiKeys.length === 0 ? [hostCheck(allowedHosts)] : []),
    originCheck(cors),
    authentication(apiKeys),
    ...(apiKeys.length === 0 ? [] : [redaction]), // Without keys everybody may see everything.
    offerDownload(lamina, autoDownload),
  ];
}

/**
 * Adds every route. The hot ones come first, the one that takes all the rest of /v1 last. `closing` ends streams that
 * would never end by themselves.
 */
export function addRoutes(router: Router, gateway: Gateway, options: RouterOptions, closing: AbortSignal): void {
  const { lamina, body } = gateway;
  const small = { ...body, bytes: Math.min(body.bytes, smallBodyLimit) };
  openaiRoutes(router, gateway);
  chatRoutes(router, gateway);
  healthRoutes(router, lamina);
  libraryRoutes(router, lamina, small);
  modelRoutes(router, lamina);
  backendRoutes(router, lamina);
  downloadRoutes(router, lamina, small);
  eventRoutes(router, { lamina, heartbeatMs: (options.heartbeatInterval ?? defaultHeartbeat) * 1000, closing });
}
