// /models: what there is, what runs, and starting and stopping it.
import type { Lamina, ModelRecord, ResolvedModel } from '@lamina/core';
import type { Router, RouterContext } from '@koa/router';
import { requireKey, scopesOf } from '../middleware/authentication.js';
import { clientOf } from '../proxy/client.js';
import { matching } from './library.js';
import { modelDetail, modelView } from './model-view.js';

/** Adds the routes. */
export function modelRoutes(router: Router, lamina: Lamina): void {
  router.get('/models', (ctx) => list(ctx, lamina));
  router.post('/models/*name/start', async (ctx) => {
    requireKey(ctx, 'manage');
    const target = targetOf(ctx, lamina);
    await settle(ctx, (options) => lamina.runtime.start(target.served.name, options));
    await show(ctx, lamina, target);
  });
  router.post('/models/*name/stop', async (ctx) => {
    requireKey(ctx, 'manage');
    const target = targetOf(ctx, lamina);
    await settle(ctx, (options) => lamina.runtime.stop(target.served.name, { ...options, reason: 'requested' }));
    await show(ctx, lamina, target);
  });
  router.get('/models/*name', async (ctx) => {
    requireKey(ctx);
    await show(ctx, lamina, targetOf(ctx, lamina));
  });
}

function list(ctx: RouterContext, lamina: Lamina): void {
  requireKey(ctx);
  const records = matching(lamina, lamina.models.list(), ctx.query);
  const models = Object.fromEntries(records.map((record) => [record.model.name, modelView(lamina, record)]));
  const active = Object.values(models).filter((model) => (model as { active: boolean }).active).length;
  ctx.body = { models, total: records.length, available: records.filter(({ available }) => available).length, active };
}

function targetOf(ctx: RouterContext, lamina: Lamina): ResolvedModel {
  return lamina.models.resolve(ctx.params['name'] ?? '');
}

// With `?wait=false` the work goes on by itself: how it ends is told by the model's state and by events.
async function settle(ctx: RouterContext, work: (options: { signal?: AbortSignal }) => Promise<unknown>): Promise<void> {
  ctx.status = 200;
  if (ctx.query['wait'] !== 'false') {
    await work({ signal: clientOf(ctx) });
    return;
  }
  ctx.status = 202;
  work({}).catch(() => undefined);
}

async function show(ctx: RouterContext, lamina: Lamina, { model }: ResolvedModel): Promise<void> {
  const record = lamina.models.get(model.name) as ModelRecord;
  ctx.body = await modelDetail(lamina, record, baseOf(ctx), scopesOf(ctx).has('manage'));
}

// Where Lamina is, as the caller sees it; in an application of somebody else that may be below a path.
function baseOf(ctx: RouterContext): string {
  return `${ctx.protocol}://${ctx.host}${ctx.router.opts.prefix ?? ''}`;
}
