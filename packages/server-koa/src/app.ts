// The Koa application, as a list.
import { LaminaError } from '@lamina/core';
import { subprotocol } from '@lamina/core/protocol';
import { Router } from '@koa/router';
import Koa from 'koa';
import { logAnswerFailures } from './middleware/answer-failures.js';
import { notFound } from './middleware/not-found.js';
import type { RouterOptions } from './options.js';
import type { Gateway } from './proxy/forward.js';
import { addRoutes, checks } from './router.js';

/** request log → errors → host check → origin check and CORS → authentication → routes → not found. */
export function createApp(gateway: Gateway, options: RouterOptions, closing: AbortSignal): Koa {
  const { lamina } = gateway;
  const app = new Koa();
  const router = new Router();
  addRoutes(router, gateway, options, closing);
  // Whoever asks without a WebSocket is told what is here.
  router.get('/ws', () => {
    throw new LaminaError('REQUEST_INVALID', {
      message: `This is a WebSocket: connect to it with the subprotocol "${subprotocol}".`,
    });
  });
  for (const middleware of checks(lamina, options)) app.use(middleware);
  app.use(router.routes());
  app.use(notFound(router));
  app.on('error', logAnswerFailures(lamina.log));
  return app;
}
