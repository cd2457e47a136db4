// GET /backends: the engines this server has, and what is missing.
import { backendsView, type Lamina } from '@lamina/core';
import type { Router } from '@koa/router';
import { requireKey } from '../middleware/authentication.js';
import { clientOf } from '../proxy/client.js';

/** Adds the route. `?refresh=1` asks the machine again, which runs programs and so needs the scope `manage`. */
export function backendRoutes(router: Router, lamina: Lamina): void {
  router.get('/backends', async (ctx) => {
    const refresh = ctx.query['refresh'] === '1';
    requireKey(ctx, refresh ? 'manage' : undefined);
    ctx.body = backendsView(await lamina.backends.list({ refresh, signal: clientOf(ctx) }));
  });
}
