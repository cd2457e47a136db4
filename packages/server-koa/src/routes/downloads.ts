// /search, /download, /downloads and /downloadable: finds models at sources, and starts and lists downloads.
import {
  LaminaError,
  downloadView,
  searchView,
  type DownloadRequest,
  type FromSchema,
  type Json,
  type Lamina,
} from '@lamina/core';
import {
  downloadableViewSchema,
  downloadRequestSchema,
  downloadsViewSchema,
  downloadViewSchema,
  searchViewSchema,
  type DownloadableView,
  type DownloadsView,
} from '@lamina/core/protocol';
import type { Middleware } from 'koa';
import { addressGuardFor } from '../middleware/address-guard.js';
import { callerOf } from '../middleware/authentication.js';
import type { HttpRoute, RouteServices } from './route.js';

const searchQuerySchema = {
  type: 'object',
  properties: {
    q: { type: 'string', description: 'The words to search for, 1 to 200 characters.' },
    source: { type: 'string', description: 'The name of a source; default: all that can be searched.' },
    limit: {
      type: 'string',
      pattern: '^\\d{1,3}$',
      description: 'The maximum number of results of each source, 1 to 100; default 20.',
    },
  },
  required: ['q'],
} as const;

/** The routes. Clients may name URLs, but none that leads to a private address. */
export function downloadRoutes({ lamina: { downloads } }: RouteServices): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/search',
      // With this scope, because it uses the network and the tokens of the server.
      scope: 'manage',
      summary: 'Finds models at the sources that can be searched',
      query: searchQuerySchema,
      response: searchViewSchema,
      async handler({ koa, caller, signal }) {
        const { q, source, limit } = koa.query as FromSchema<typeof searchQuerySchema>;
        const options = {
          ...(source === undefined ? {} : { source }),
          ...(limit === undefined ? {} : { limit: Number(limit) }),
        };
        const guard = addressGuardFor(koa.req, caller);
        return searchView(await downloads.search(q, { ...options, signal, guard }));
      },
    },
    {
      method: 'POST',
      path: '/download',
      scope: 'manage',
      summary: 'Starts a download',
      body: downloadRequestSchema,
      response: downloadViewSchema,
      status: 202,
      async handler({ koa, body, caller, signal }) {
        const request = downloadRequest(body);
        const guard = addressGuardFor(koa.req, caller);
        const view = downloadView(await downloads.start(request, { signal, guard }));
        koa.status = 202;
        return view;
      },
    },
    {
      method: 'GET',
      path: '/downloads',
      scope: 'any',
      summary: 'All downloads',
      response: downloadsViewSchema,
      handler: () => ({ downloads: downloads.list().map(downloadView) }) satisfies DownloadsView,
    },
    {
      method: 'GET',
      path: '/downloads/:id',
      scope: 'any',
      summary: 'One download',
      response: downloadViewSchema,
      handler: ({ params }) => downloadView(downloads.get(params['id']!)),
    },
    {
      method: 'DELETE',
      path: '/downloads/:id',
      scope: 'manage',
      summary: 'Cancels and removes a download',
      status: 204,
      handler: ({ params }) => downloads.remove(params['id']!),
    },
    ...(['pause', 'resume'] as const).map((verb): HttpRoute => ({
      method: 'POST',
      path: `/downloads/:id/${verb}`,
      scope: 'manage',
      summary: verb === 'pause' ? 'Pauses a download and keeps its data' : 'Resumes a download',
      response: downloadViewSchema,
      handler: async ({ params }) => downloadView(await downloads[verb](params['id']!)),
    })),
    {
      method: 'GET',
      path: '/downloadable',
      scope: 'any',
      summary: 'Models in the manifest that are not on disk, by source',
      response: downloadableViewSchema,
      handler: () => ({ models: downloads.downloadable() }) satisfies DownloadableView,
    },
  ];
}

/** Adds to `MODEL_FILES_MISSING` how to download the model; with `start`, starts the download. */
export function suggestDownload({ downloads }: Lamina, start: boolean): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      if (!LaminaError.is(error, 'MODEL_FILES_MISSING')) throw error;
      const offer = downloads.downloadable().find(({ model }) => model === error.details['model']);
      if (offer === undefined) throw error;
      const guard = addressGuardFor(ctx.req, callerOf(ctx));
      const id = start ? (await downloads.start({ model: offer.model }, { guard })).id : offer.download;
      const hint =
        id === undefined
          ? `Download them with "lamina pull ${offer.model}" or POST /download ${JSON.stringify({ model: offer.model })}.`
          : `They are being downloaded: GET /downloads/${id}.`;
      throw new LaminaError('MODEL_FILES_MISSING', {
        ...error.details,
        hint,
        sources: Object.keys(offer.sources),
        ...(id === undefined ? {} : { download: id }),
      } as never);
    }
  };
}

/** The download that a client requests, whose types are checked already. @throws LaminaError `REQUEST_INVALID` */
export function downloadRequest(body: unknown): DownloadRequest {
  const { model, reference, source, name } = body as FromSchema<typeof downloadRequestSchema> & {
    readonly reference?: Json;
  };
  if ((model === undefined) === (reference === undefined))
    throw new LaminaError('REQUEST_INVALID', {
      message: 'Send either "model", a model of the manifest, or "reference", a model at a source.',
    });
  const from = source === undefined ? {} : { source };
  if (model !== undefined) return { model, ...from };
  return { reference: reference!, ...from, ...(name === undefined ? {} : { name }) };
}
