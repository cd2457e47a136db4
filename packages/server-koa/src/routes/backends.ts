// GET /backends: the engines this server has, and what is missing.
import type { BackendRecord, Lamina } from '@lamina/core';
import type { Router } from '@koa/router';
import { requireKey } from '../middleware/authentication.js';
import { clientOf } from '../proxy/client.js';

/** Adds the route. `?refresh=1` asks the machine again, which runs programs and so needs the scope `manage`. */
export function backendRoutes(router: Router, lamina: Lamina): void {
  router.get('/backends', async (ctx) => {
    const refresh = ctx.query['refresh'] === '1';
    requireKey(ctx, refresh ? 'manage' : undefined);
    const records = await lamina.backends.list({ refresh, signal: clientOf(ctx) });
    const available = records.filter((record) => record.availability.available).map(({ name }) => name);
    ctx.body = {
      backends: Object.fromEntries(records.map((record) => [record.name, view(record)])),
      available,
      total_configured: records.length,
      total_available: available.length,
    };
  });
}

function view({ type, formats, availability, standsInFor, replacedBy }: BackendRecord): object {
  if (!availability.available) return { type, available: false, formats, reason: availability.reason, hint: availability.hint, replaced_by: replacedBy };
  const { version, executable, note } = availability;
  return { type, available: true, version, executable, formats, note, stands_in_for: standsInFor };
}
