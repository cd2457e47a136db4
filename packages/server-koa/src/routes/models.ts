// /models and /v1/models: list, start and stop models.
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
import { disconnectSignal } from '../request/disconnect-signal.js';
import { matchingModels } from './library.js';
import { ModelList } from './model-list.js';

/** Adds the routes. */
export function modelRoutes(router: Router, lamina: Lamina): void {
  const full = new ModelList(lamina, (view) => view);
  const createdAt = Math.floor(Date.now() / 1000);
  const restricted = new ModelList(lamina, (view) => visibleTo(new Set(), view));
  router.get('/models', async (ctx) => {
    requireKey(ctx);
    const list = scopesOf(ctx).has('manage') ? full : restricted;
    const text = await list.text(matchingModels(lamina, lamina.models.list(), ctx.query));
    ctx.type = 'json';
    ctx.body = text;
  });
  router.get('/v1/models', (ctx) => {
    requireKey(ctx);
    ctx.body = { object: 'list', data: servedNames(lamina).map((id) => openaiModel(id, createdAt)) };
  });
  router.get('/v1/models/*name', (ctx) => {
    requireKey(ctx);
    const id = ctx.params['name'] ?? '';
    lamina.models.resolve(id);
    ctx.body = openaiModel(id, createdAt);
  });
  router.post('/models/*name/start', async (ctx) => {
    requireKey(ctx, 'manage');
    const target = targetOf(ctx, lamina);
    await runOrDetach(ctx, lamina, (options) => lamina.runtime.start(target.served.name, options));
    await respondWithModel(ctx, lamina, target);
  });
  router.post('/models/*name/stop', async (ctx) => {
    requireKey(ctx, 'manage');
    const target = targetOf(ctx, lamina);
    await runOrDetach(ctx, lamina, (options) =>
      lamina.runtime.stop(target.served.name, { ...options, reason: 'requested' }),
    );
    await respondWithModel(ctx, lamina, target);
  });
  router.get('/models/*name', async (ctx) => {
    requireKey(ctx);
    await respondWithModel(ctx, lamina, targetOf(ctx, lamina));
  });
}

function targetOf(ctx: RouterContext, lamina: Lamina): ResolvedModel {
  return lamina.models.resolve(ctx.params['name'] ?? '');
}

// With `?wait=false` the response does not wait; the model's state and events report the end.
async function runOrDetach(
  ctx: RouterContext,
  { log }: Lamina,
  work: (options: { signal?: AbortSignal }) => Promise<unknown>,
): Promise<void> {
  ctx.status = 200;
  if (ctx.query['wait'] !== 'false') {
    await work({ signal: disconnectSignal(ctx) });
    return;
  }
  ctx.status = 202;
  const { method, path } = ctx;
  work({}).catch((error: unknown) => {
    log.warn({ request: requestIdOf(ctx), method, path, reason: reasonOf(error) }, 'A request with wait=false failed');
  });
}

async function respondWithModel(ctx: RouterContext, lamina: Lamina, { model, served }: ResolvedModel): Promise<void> {
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
  canManage: boolean,
): Record<string, unknown> {
  return {
    backend,
    health_endpoint: `${prefix}/health`,
    chat_endpoint: `${prefix}/chat/${encodeURIComponent(name)}`,
    started_at: startedAt,
    ...(canManage ? { pid, origin } : {}),
  };
}

// The base URL of Lamina as the caller sees it; in an application of a host it may have a path.
function baseOf(ctx: RouterContext): string {
  return `${ctx.protocol}://${ctx.host}${ctx.router.opts.prefix ?? ''}`;
}

/** The ids of OpenAI's list: the models whose files are complete, and their aliases. */
function servedNames({ models }: Lamina): string[] {
  return models
    .list()
    .filter(({ available }) => available)
    .flatMap(({ model }) => [model.name, ...model.aliases]);
}

function openaiModel(id: string, created: number): object {
  return { id, object: 'model', created, owned_by: 'lamina' };
}
