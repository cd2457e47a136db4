// /models, /v1/models and /ps: list, start and stop models.
import {
  heldMemory,
  isActive,
  metadataOf,
  modelDetail,
  modelRuns,
  modelsView,
  psView,
  reasonOf,
  servedModel,
  type FromSchema,
  type Lamina,
  type ModelRecord,
  type ModelRun,
  type ResolvedModel,
  type SlotSnapshot,
} from '@lamina/core';
import {
  modelDetailSchema,
  modelsViewSchema,
  psViewSchema,
  servedModelSchema,
  servedModelsSchema,
  startedViewSchema,
  stoppedViewSchema,
  type ModelDetail,
  type ModelServerView,
  type ServedModels,
  type StartedView,
  type StoppedView,
} from '@lamina/core/protocol';
import type { Context } from 'koa';
import { hasScope } from '../middleware/authentication.js';
import { visibleTo } from '../middleware/redaction.js';
import { requestIdOf } from '../middleware/request-log.js';
import type { HttpContext } from './http-context.js';
import { matchingModels, modelFilterSchema } from './library.js';
import { ModelList } from './model-list.js';
import type { HttpRoute, RouteServices } from './route.js';

const backendsQuery = {
  backends: {
    type: 'string',
    description: '`true` or `1`: says how the models would run, for which engines are probed.',
  },
} as const;

const waitQuery = {
  wait: {
    type: 'string',
    description: '`false`: responds 202 at once; the state of the model and events tell the end.',
  },
} as const;

/** The routes. */
export function modelRoutes(services: RouteServices): HttpRoute[] {
  const { lamina } = services;
  const full = new ModelList(lamina, (view) => view);
  const restricted = new ModelList(lamina, (view) => visibleTo({ scopes: [], via: 'http' }, view));
  const created = Math.floor(Date.now() / 1000);
  return [
    {
      method: 'GET',
      path: '/models',
      scope: 'any',
      summary: 'All models',
      query: { ...modelFilterSchema, properties: { ...modelFilterSchema.properties, ...backendsQuery } },
      response: modelsViewSchema,
      async handler({ koa, caller, signal }) {
        const filter = koa.query as FromSchema<typeof modelFilterSchema>;
        const records = matchingModels(lamina, lamina.models.list(), filter);
        if (wantsBackends(koa)) return modelsView(lamina, records, await modelRuns(lamina, records, { signal }));
        koa.type = 'json';
        return (hasScope(caller, 'manage') ? full : restricted).text(records);
      },
    },
    {
      method: 'GET',
      path: '/ps',
      scope: 'any',
      summary: 'Models that run, start, sleep, wait or failed, and the memory they share',
      response: psViewSchema,
      handler: ({ caller }) => psView(lamina, { showProcesses: hasScope(caller, 'manage') }),
    },
    {
      method: 'GET',
      path: '/v1/models',
      scope: 'any',
      summary: "OpenAI's list of models",
      response: servedModelsSchema,
      async handler({ signal }) {
        const metadata = await lamina.models.metadata({ signal });
        const data = lamina.models
          .list()
          .filter(({ available }) => available)
          .flatMap((record) =>
            [record.model.name, ...record.model.aliases].map((id) =>
              servedModel(lamina, record, metadata, { id, created }),
            ),
          );
        return { object: 'list', data } satisfies ServedModels;
      },
    },
    {
      method: 'GET',
      path: '/v1/models/*name',
      scope: 'any',
      summary: "One model of OpenAI's list",
      response: servedModelSchema,
      async handler({ params }) {
        const id = params['name']!;
        const target = lamina.models.resolve(id);
        const metadata = await metadataOf(lamina, target);
        const record = lamina.models.get(target.model.name) as ModelRecord;
        return servedModel(lamina, record, metadata, { id, created });
      },
    },
    {
      method: 'POST',
      path: '/models/*name/start',
      scope: 'manage',
      summary: 'Starts a model, and responds when it is ready',
      query: { type: 'object', properties: { ...waitQuery, ...backendsQuery } },
      response: startedViewSchema,
      status: [200, 202],
      async handler(ctx) {
        const target = targetOf(ctx, lamina);
        await runOrDetach(ctx, lamina, (options) => lamina.runtime.start(target.served.name, options));
        const model = target.model.name;
        const detail = await detailOf(ctx, services, target);
        return { ...detail, model, ...endpointsOf(ctx, services, model) } satisfies StartedView;
      },
    },
    {
      method: 'POST',
      path: '/models/*name/stop',
      scope: 'manage',
      summary: 'Stops a model, and responds when it is stopped',
      query: { type: 'object', properties: { ...waitQuery, ...backendsQuery } },
      response: stoppedViewSchema,
      status: [200, 202],
      async handler(ctx) {
        const target = targetOf(ctx, lamina);
        const stopped = await runOrDetach(ctx, lamina, (options) =>
          lamina.runtime.stop(target.served.name, { ...options, reason: 'requested' }),
        );
        return { ...(await detailOf(ctx, services, target)), model: target.model.name, stopped } satisfies StoppedView;
      },
    },
    {
      method: 'GET',
      path: '/models/*name',
      scope: 'any',
      summary: 'One model, with details',
      query: { type: 'object', properties: backendsQuery },
      response: modelDetailSchema,
      handler: (ctx) => detailOf(ctx, services, targetOf(ctx, lamina)),
    },
  ];
}

/** Whether the response shall say how models would run. That probes engines, so it takes longer. */
function wantsBackends({ query }: Context): boolean {
  return query['backends'] === 'true' || query['backends'] === '1';
}

function targetOf({ params }: HttpContext, lamina: Lamina): ResolvedModel {
  return lamina.models.resolve(params['name']!);
}

// With `?wait=false` the response does not wait; the model's state and events report the end. Returns whether it waited.
async function runOrDetach(
  { koa, signal }: HttpContext,
  { log }: Lamina,
  work: (options: { signal?: AbortSignal }) => Promise<unknown>,
): Promise<boolean> {
  if (koa.query['wait'] !== 'false') {
    await work({ signal });
    return true;
  }
  koa.status = 202;
  const { method, path } = koa;
  work({}).catch((error: unknown) => {
    log.warn({ request: requestIdOf(koa), method, path, reason: reasonOf(error) }, 'A request with wait=false failed');
  });
  return false;
}

async function detailOf(ctx: HttpContext, services: RouteServices, target: ResolvedModel): Promise<ModelDetail> {
  const { lamina } = services;
  const { model, served } = target;
  const record = lamina.models.get(model.name) as ModelRecord;
  const metadata = await metadataOf(lamina, target);
  const runs = wantsBackends(ctx.koa)
    ? await modelRuns(lamina, [record], { signal: ctx.signal })
    : new Map<string, ModelRun>();
  const slot = lamina.runtime.slot(served.name);
  return {
    ...modelDetail(lamina, record, metadata, runs.get(model.name)),
    ...(isActive(slot) ? { server: serverView(ctx, services, slot, model.name) } : {}),
  };
}

function serverView(
  ctx: HttpContext,
  services: RouteServices,
  { backend, startedAt, memory, pid, origin }: SlotSnapshot,
  name: string,
): ModelServerView {
  const server = {
    ...endpointsOf(ctx, services, name),
    ...(backend === undefined ? {} : { backend }),
    ...(startedAt === undefined ? {} : { started_at: startedAt }),
    ...(memory === undefined ? {} : { memory: heldMemory(memory, services.lamina.runtime.memory().budget) }),
  };
  if (!hasScope(ctx.caller, 'manage')) return server;
  return { ...server, ...(pid === undefined ? {} : { pid }), ...(origin === undefined ? {} : { origin }) };
}

// Addresses of Lamina as the caller sees them, which differ from ours behind a proxy or a container's port mapping. In
// an application of a host they may have a path.
function endpointsOf(
  { koa }: HttpContext,
  { router }: RouteServices,
  name: string,
): Pick<ModelServerView, 'port' | 'health_endpoint' | 'chat_endpoint'> {
  const base = `${koa.protocol}://${koa.host}${router.opts.prefix ?? ''}`;
  return {
    port: Number(/:(\d+)$/.exec(koa.host)?.[1] ?? koa.req.socket.localPort),
    health_endpoint: `${base}/health`,
    chat_endpoint: `${base}/chat/${encodeURIComponent(name)}`,
  };
}
