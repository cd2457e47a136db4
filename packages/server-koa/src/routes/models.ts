// /models: what there is, what runs, and starting and stopping it.
import {
  isActive,
  modelDetail,
  reasonOf,
  type Lamina,
  type ModelRecord,
  type ResolvedModel,
  type SlotSnapshot,
} from '@lamina/core';
import type { ModelDetail } from '@lamina/core/protocol';
import type { Router, RouterContext } from '@koa/router';
import { requireKey, scopesOf } from '../middleware/authentication.js';
import { visibleTo } from '../middleware/redaction.js';
import { requestIdOf } from '../middleware/request-log.js';
import { clientOf } from '../proxy/client.js';
import { matching } from './library.js';
import { ModelList } from './model-list.js';

/** Adds the routes. */
export function modelRoutes(router: Router, lamina: Lamina): void {
  const full = new ModelList(lamina, (view) => view);
  const restricted = new ModelList(lamina, (view) => visibleTo(new Set(), view));
  router.get('/models', async (ctx) => {
    requireKey(ctx);
    const list = scopesOf(ctx).has('manage') ? full : restricted;
    const text = await list.text(matching(lamina, lamina.models.list(), ctx.query));
    ctx.type = 'json';
    ctx.body = text;
  });
  router.post('/models/*name/start', async (ctx) => {
    requireKey(ctx, 'manage');
    const target = targetOf(ctx, lamina);
    await settle(ctx, lamina, (options) => lamina.runtime.start(target.served.name, options));
    await show(ctx, lamina, target);
  });
  router.post('/models/*name/stop', async (ctx) => {
    requireKey(ctx, 'manage');
    const target = targetOf(ctx, lamina);
    await settle(ctx, lamina, (options) =>
      lamina.runtime.stop(target.served.name, { ...options, reason: 'requested' }),
    );
    await show(ctx, lamina, target);
  });
  router.get('/models/*name', async (ctx) => {
    requireKey(ctx);
    await show(ctx, lamina, targetOf(ctx, lamina));
  });
}

function targetOf(ctx: RouterContext, lamina: Lamina): ResolvedModel {
  return lamina.models.resolve(ctx.params['name'] ?? '');
}

// With `?wait=false` the work goes on by itself: how it ends is told by the model's state and by events.
async function settle(
  ctx: RouterContext,
  { log }: Lamina,
  work: (options: { signal?: AbortSignal }) => Promise<unknown>,
): Promise<void> {
  ctx.status = 200;
  if (ctx.query['wait'] !== 'false') {
    await work({ signal: clientOf(ctx) });
    return;
  }
  ctx.status = 202;
  const { method, path } = ctx;
  work({}).catch((error: unknown) => {
    log.warn(
      { request: requestIdOf(ctx), method, path, reason: reasonOf(error) },
      'What a request asked for without waiting failed',
    );
  });
}

async function show(ctx: RouterContext, lamina: Lamina, { model, served }: ResolvedModel): Promise<void> {
  const record = lamina.models.get(model.name) as ModelRecord;
  const { metadata } = await lamina.models.describe(model.name);
  const slot = lamina.runtime.slot(served.name);
  ctx.body = {
    ...modelDetail(lamina, record, metadata),
    ...(isActive(slot) ? { server: serverView(slot, model.name, baseOf(ctx), scopesOf(ctx).has('manage')) } : {}),
  } satisfies ModelDetail;
}

function serverView(
  { backend, startedAt, pid, origin }: SlotSnapshot,
  name: string,
  prefix: string,
  managing: boolean,
): Record<string, unknown> {
  return {
    backend,
    health_endpoint: `${prefix}/health`,
    chat_endpoint: `${prefix}/chat/${encodeURIComponent(name)}`,
    started_at: startedAt,
    ...(managing ? { pid, origin } : {}),
  };
}

// Where Lamina is, as the caller sees it; in an application of somebody else that may be below a path.
function baseOf(ctx: RouterContext): string {
  return `${ctx.protocol}://${ctx.host}${ctx.router.opts.prefix ?? ''}`;
}
