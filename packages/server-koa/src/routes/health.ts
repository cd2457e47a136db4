// GET /health: whether the server is up; for callers with a key also its models.
import { isActive } from '@lamina/core';
import { healthViewSchema, type HealthView } from '@lamina/core/protocol';
import type { HttpRoute, RouteServices } from './route.js';

/** The route. */
export function healthRoutes({ lamina }: RouteServices): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/health',
      scope: 'public',
      response: healthViewSchema,
      summary: 'The status of the server; with a key also its models',
      handler({ caller }) {
        const health: HealthView = { status: 'healthy', timestamp: Date.now() / 1000 };
        if (caller.scopes.length === 0) return health;
        return {
          ...health,
          models: lamina.models.stats(),
          diagnostics: lamina.models.diagnostics().length,
          active_servers: lamina.runtime.slots().filter(isActive).length,
        } satisfies HealthView;
      },
    },
  ];
}
