// GET /health: that the server is there, and to callers with a key what it has.
import type { Lamina } from '@lamina/core';
import type { Router } from '@koa/router';
import { scopesOf } from '../middleware/authentication.js';
import { isActive } from './model-view.js';

/** Adds the route. */
export function healthRoutes(router: Router, lamina: Lamina): void {
  router.get('/health', (ctx) => {
    const sign = { status: 'healthy', timestamp: new Date().toISOString() };
    ctx.body = scopesOf(ctx).size === 0 ? sign : { ...sign, models: lamina.models.stats(), active_servers: lamina.runtime.slots().filter(isActive).length };
  });
}
