// GET /health: that the server is there, and to callers with a key what it has.
import { isActive, type Lamina } from '@lamina/core';
import type { HealthView } from '@lamina/core/protocol';
import type { Router } from '@koa/router';
import { scopesOf } from '../middleware/authentication.js';

/** Adds the route. */
export function healthRoutes(router: Router, lamina: Lamina): void {
  router.get('/health', (ctx) => {
    const sign: HealthView = { status: 'healthy', timestamp: new Date().toISOString() };
    ctx.body =
      scopesOf(ctx).size === 0
        ? sign
        : ({
            ...sign,
            models: lamina.models.stats(),
            active_servers: lamina.runtime.slots().filter(isActive).length,
          } satisfies HealthView);
  });
}
