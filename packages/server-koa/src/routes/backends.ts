// /backends: the engines this server has, and what is missing.
import { backendsView, type Lamina } from '@lamina/core';
import type { Router } from '@koa/router';
import { requireKey } from '../middleware/authentication.js';
import { clientOf } from '../proxy/client.js';

/**
 * Adds the routes. A refresh asks the machine again, which runs programs: so it is a POST and needs the scope `manage`.
 */
export function backendRoutes(router: Router, lamina: Lamina): void {
  router.get('/backends', async (ctx) => {
    requireKey(ctx);
    ctx.body = backendsView(await lamina.backends.list({ signal: clientOf(ctx) }));
  });
  router.post('/backends/refresh', async (ctx) => {
    requireKey(ctx, 'manage');
    ctx.body = backendsView(await lamina.backends.list({ refresh: true, signal: clientOf(ctx) }));
  });
}
