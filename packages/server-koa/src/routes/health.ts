// GET /health: whether the server is up; for callers with a key also its models.
import { isActive, type Lamina } from '@lamina/core';
import type { HealthView } from '@lamina/core/protocol';
import type { Router } from '@koa/router';
import { callerOf } from '../middleware/authentication.js';

/** Adds the route. */
export function healthRoutes(router: Router, lamina: Lamina): void {
  router.get('/health', (ctx) => {
    const health: HealthView = { status: 'healthy', timestamp: Date.now() / 1000 };
    ctx.body =
      callerOf(ctx).scopes.length === 0
        ? health
        : ({
            ...health,
            models: lamina.models.stats(),
            diagnostics: lamina.models.diagnostics().length,
            active_servers: lamina.runtime.slots().filter(isActive).length,
          } satisfies HealthView);
  });
}
