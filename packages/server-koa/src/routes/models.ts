// /models and /v1/models: list, start and stop models.
import {
  isActive,
  metadataOf,
  modelDetail,
  modelRuns,
  modelsView,
  reasonOf,
  servedModel,
  type Lamina,
  type ModelRecord,
  type ModelRun,
  type ResolvedModel,
  type SlotSnapshot,
} from '@lamina/core';
import type { ModelDetail, ModelServerView, ServedModels, StartedView, StoppedView } from '@lamina/core/protocol';
import type { Router, RouterContext } from '@koa/router';
import { callerOf, hasScope, requireKey } from '../middleware/authentication.js';
import { visibleTo } from '../middleware/redaction.js';
import { requestIdOf } from '../middleware/request-log.js';
import { disconnectSignal } from '../request/disconnect-signal.js';
import { matchingModels } from './library.js';
import { ModelList } from './model-list.js';

/** Adds the routes. */
export function modelRoutes(router: Router, lamina: Lamina): void {
  const full = new ModelList(lamina, (view) => view);
  const createdAt = Math.floor(Date.now() / 1000);
  const restricted = new ModelList(lamina, (view) => visibleTo({ scopes: [], via: 'http' }, view));
  router.get('/models', async (ctx) => {
    requireKey(ctx);
    const records = matchingModels(lamina, lamina.models.list(), ctx.query);
    if (wantsBackends(ctx)) {
      ctx.body = modelsView(lamina, records, await modelRuns(lamina, records, { signal: disconnectSignal(ctx) }));
      return;
    }
    const list = hasScope(callerOf(ctx), 'manage') ? full : restricted;
    const text = await list.text(records);
    ctx.type = 'json';
    ctx.body = text;
  });
  router.get('/v1/models', async (ctx) => {
    requireKey(ctx);
    const metadata = await lamina.models.metadata({ signal: disconnectSignal(ctx) });
    const data = lamina.models
      .list()
      .filter(({ available }) => available)
      .flatMap((record) =>
        [record.model.name, ...record.model.aliases].map((id) =>
          servedModel(lamina, record, metadata, { id, created: createdAt }),
        ),
      );
    ctx.body = { object: 'list', data } satisfies ServedModels;
  });
  router.get('/v1/models/*name', async (ctx) => {
    requireKey(ctx);
    const id = ctx.params['name'] ?? '';
    const target = lamina.models.resolve(id);
    const metadata = await metadataOf(lamina, target);
    const record = lamina.models.get(target.model.name) as ModelRecord;
    ctx.body = servedModel(lamina, record, metadata, { id, created: createdAt });
  });
  router.post('/models/*name/start', async (ctx) => {
    requireKey(ctx, 'manage');
    const target = targetOf(ctx, lamina);
    await runOrDetach(ctx, lamina, (options) => lamina.runtime.start(target.served.name, options));
    const model = target.model.name;
    ctx.body = { ...(await detailOf(ctx, lamina, target)), model, ...endpointsOf(ctx, model) } satisfies StartedView;
  });
  router.post('/models/*name/stop', async (ctx) => {
    requireKey(ctx, 'manage');
    const target = targetOf(ctx, lamina);
    const stopped = await runOrDetach(ctx, lamina, (options) =>
      lamina.runtime.stop(target.served.name, { ...options, reason: 'requested' }),
    );
    const model = target.model.name;
    ctx.body = { ...(await detailOf(ctx, lamina, target)), model, stopped } satisfies StoppedView;
  });
  router.get('/models/*name', async (ctx) => {
    requireKey(ctx);
    ctx.body = await detailOf(ctx, lamina, targetOf(ctx, lamina));
  });
}

/** Whether the response shall say how models would run. That probes engines, so it takes longer. */
function wantsBackends({ query }: RouterContext): boolean {
  return query['backends'] === 'true' || query['backends'] === '1';
}

function targetOf(ctx: RouterContext, lamina: Lamina): ResolvedModel {
  return lamina.models.resolve(ctx.params['name'] ?? '');
}

// With `?wait=false` the response does not wait; the model's state and events report the end. Returns whether it waited.
async function runOrDetach(
  ctx: RouterContext,
  { log }: Lamina,
  work: (options: { signal?: AbortSignal }) => Promise<unknown>,
): Promise<boolean> {
  ctx.status = 200;
  if (ctx.query['wait'] !== 'false') {
    await work({ signal: disconnectSignal(ctx) });
    return true;
  }
  ctx.status = 202;
  const { method, path } = ctx;
  work({}).catch((error: unknown) => {
    log.warn({ request: requestIdOf(ctx), method, path, reason: reasonOf(error) }, 'A request with wait=false failed');
  });
  return false;
}

async function detailOf(ctx: RouterContext, lamina: Lamina, target: ResolvedModel): Promise<ModelDetail> {
  const { model, served } = target;
  const record = lamina.models.get(model.name) as ModelRecord;
  const metadata = await metadataOf(lamina, target);
  const runs = wantsBackends(ctx)
    ? await modelRuns(lamina, [record], { signal: disconnectSignal(ctx) })
    : new Map<string, ModelRun>();
  const slot = lamina.runtime.slot(served.name);
  return {
    ...modelDetail(lamina, record, metadata, runs.get(model.name)),
    ...(isActive(slot) ? { server: serverView(ctx, slot, model.name) } : {}),
  };
}

function serverView(
  ctx: RouterContext,
  { backend, startedAt, pid, origin }: SlotSnapshot,
  name: string,
): ModelServerView {
  const server = {
    ...endpointsOf(ctx, name),
    ...(backend === undefined ? {} : { backend }),
    ...(startedAt === undefined ? {} : { started_at: startedAt }),
  };
  if (!hasScope(callerOf(ctx), 'manage')) return server;
  return { ...server, ...(pid === undefined ? {} : { pid }), ...(origin === undefined ? {} : { origin }) };
}

// Addresses of Lamina as the caller sees them, which differ from ours behind a proxy or a container's port mapping. In
// an application of a host they may have a path.
function endpointsOf(
  ctx: RouterContext,
  name: string,
): Pick<ModelServerView, 'port' | 'health_endpoint' | 'chat_endpoint'> {
  const base = `${ctx.protocol}://${ctx.host}${ctx.router.opts.prefix ?? ''}`;
  return {
    port: Number(/:(\d+)$/.exec(ctx.host)?.[1] ?? ctx.req.socket.localPort),
    health_endpoint: `${base}/health`,
    chat_endpoint: `${base}/chat/${encodeURIComponent(name)}`,
  };
}
