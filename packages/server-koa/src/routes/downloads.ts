// /download, /downloads and /downloadable: starts and lists downloads.
import { LaminaError, downloadView, type DownloadRequest, type JsonObject, type Lamina } from '@lamina/core';
import type { DownloadableView, DownloadsView } from '@lamina/core/protocol';
import type { Router } from '@koa/router';
import type { Middleware } from 'koa';
import { addressGuardFor } from '../middleware/address-guard.js';
import { callerOf, requireKey } from '../middleware/authentication.js';
import { readObject, type BodyLimits } from '../request/body.js';
import { disconnectSignal } from '../request/disconnect-signal.js';

/** Adds the routes. Clients may name URLs, but none that leads to a private address. */
export function downloadRoutes(router: Router, { downloads }: Lamina, limits: BodyLimits): void {
  router.post('/download', async (ctx) => {
    requireKey(ctx, 'manage');
    const request = downloadRequest(await readObject(ctx.req, limits));
    const guard = addressGuardFor(ctx.req, callerOf(ctx));
    ctx.body = downloadView(await downloads.start(request, { signal: disconnectSignal(ctx), guard }));
    ctx.status = 202;
  });
  router.get('/downloads', (ctx) => {
    requireKey(ctx);
    ctx.body = { downloads: downloads.list().map(downloadView) } satisfies DownloadsView;
  });
  router.get('/downloads/:id', (ctx) => {
    requireKey(ctx);
    ctx.body = downloadView(downloads.get(ctx.params['id'] ?? ''));
  });
  router.delete('/downloads/:id', async (ctx) => {
    requireKey(ctx, 'manage');
    await downloads.remove(ctx.params['id'] ?? '');
    ctx.status = 204;
  });
  for (const verb of ['pause', 'resume'] as const) {
    router.post(`/downloads/:id/${verb}`, async (ctx) => {
      requireKey(ctx, 'manage');
      ctx.body = downloadView(await downloads[verb](ctx.params['id'] ?? ''));
    });
  }
  router.get('/downloadable', (ctx) => {
    requireKey(ctx);
    ctx.body = { models: downloads.downloadable() } satisfies DownloadableView;
  });
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
          ? `Download them with POST /download ${JSON.stringify({ model: offer.model })}.`
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

/** The download that a client requests. @throws LaminaError `REQUEST_INVALID` */
export function downloadRequest(body: unknown): DownloadRequest {
  const { model, reference, source, name } = typeof body === 'object' && body !== null ? (body as JsonObject) : {};
  for (const [field, value] of Object.entries({ model, source, name }))
    if (value !== undefined && typeof value !== 'string')
      throw invalid(`The field "${field}" must be a string.`, field);
  if ((model === undefined) === (reference === undefined))
    throw invalid('Send either "model", a model of the manifest, or "reference", a model at a source.');
  const from = source === undefined ? {} : { source: source as string };
  if (reference === undefined) return { model: model as string, ...from };
  return { reference, ...from, ...(name === undefined ? {} : { name: name as string }) };
}

function invalid(message: string, param?: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message, ...(param === undefined ? {} : { param }) });
}
