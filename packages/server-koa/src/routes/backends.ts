// /backends: the engines of this server, and which are missing.
import { backendsView, installationView, type Lamina } from '@lamina/core';
import type { Router } from '@koa/router';
import { requireKey } from '../middleware/authentication.js';
import { disconnectSignal } from '../request/disconnect-signal.js';

/** Adds the routes. What runs programs is a POST and needs the scope `manage`. */
export function backendRoutes(router: Router, lamina: Lamina): void {
  router.get('/backends', async (ctx) => {
    requireKey(ctx);
    ctx.body = backendsView(await lamina.backends.list({ signal: disconnectSignal(ctx) }));
  });
  router.post('/backends/refresh', async (ctx) => {
    requireKey(ctx, 'manage');
    ctx.body = backendsView(await lamina.backends.list({ refresh: true, signal: disconnectSignal(ctx) }));
  });
  router.post('/backends/:name/install', async (ctx) => {
    requireKey(ctx, 'manage');
    ctx.body = installationView(await lamina.backends.install(ctx.params['name']!, { signal: disconnectSignal(ctx) }));
  });
}
