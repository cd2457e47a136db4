// A server with the plugin and fake engines, and what a client of the metrics reads.
import { request, type ClientRequest } from 'node:http';
import { once } from 'node:events';
import type { Lamina, LaminaOptions, ModelEntry, Plugin } from '@lamina/core';
import { metrics } from '../dist/index.js';
import { createServer, type ServerOptions } from '@lamina/server-koa';
import { createTestLamina, fakePlugin, type Behaviour } from '@lamina/testing';
import { readExposition, type Exposition } from './exposition-text.js';

/** The response of /stats/series. */
export interface SeriesView {
  readonly window: string;
  readonly model?: string;
  readonly bucket_seconds: number;
  readonly start: number;
  readonly models: readonly string[];
  readonly series: Readonly<Record<string, readonly (number | null)[]>> & {
    readonly ttft_values_seconds: readonly (readonly number[] | null)[];
  };
}

export interface MeteredServer {
  readonly lamina: Lamina;
  readonly url: string;
  /** Sends a request; the response is read to its end. */
  post(route: string, body: object, headers?: Readonly<Record<string, string>>): Promise<{ status: number }>;
  /** Sends a chat whose answer never ends, and leaves when it has begun. */
  leave(model: string, headers?: Readonly<Record<string, string>>): Promise<void>;
  get(path: string): Promise<{ status: number; text: string }>;
  metrics(): Promise<Exposition>;
  series(query: string): Promise<SeriesView>;
  close(): Promise<void>;
}

export interface MeteredOptions {
  /** Model → how its fake engine behaves. */
  readonly models: Readonly<Record<string, Behaviour>>;
  readonly entries?: Readonly<Record<string, ModelEntry>>;
  readonly plugins?: readonly Plugin[];
  readonly server?: ServerOptions;
  readonly lamina?: Partial<LaminaOptions>;
  /** The key of whoever reads the metrics. */
  readonly key?: string;
}

export async function startMetered(options: MeteredOptions): Promise<MeteredServer> {
  const models = Object.entries(options.models).map(([name, behaviour]) => [
    name,
    { path: 'model.fake', backend: 'fake', options: behaviour },
  ]);
  const lamina = await createTestLamina({
    files: { 'model.fake': 'a fake model' },
    plugins: [fakePlugin(), metrics(), ...(options.plugins ?? [])],
    manifest: { models: { ...(Object.fromEntries(models) as Record<string, ModelEntry>), ...options.entries } },
    limits: { maxLoaded: 4 },
    ...options.lamina,
  });
  const server = createServer(lamina, { port: 0, ...options.server });
  const url = await server.listen();
  const reader = options.key === undefined ? {} : { authorization: `Bearer ${options.key}` };
  const get = async (path: string) => {
    const response = await fetch(url + path, { headers: reader });
    return { status: response.status, text: await response.text() };
  };
  return {
    lamina,
    url,
    get,
    async post(route, body, headers = {}) {
      const response = await fetch(`${url}/v1/${route}`, { method: 'POST', headers, body: JSON.stringify(body) });
      await response.text().catch(() => undefined);
      return { status: response.status };
    },
    async leave(model, headers = {}) {
      const call: ClientRequest = request(`${url}/v1/chat/completions`, { method: 'POST', headers, agent: false });
      call.on('error', () => undefined); // It is destroyed below.
      call.end(JSON.stringify(chat(model, '/count', { stream: true })));
      const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream];
      response.on('error', () => undefined);
      await once(response, 'data');
      call.destroy();
    },
    metrics: async () => readExposition((await get('/metrics')).text),
    series: async (query) => JSON.parse((await get(`/stats/series?${query}`)).text) as SeriesView,
    async close() {
      const cut = AbortSignal.abort();
      await server.close({ signal: cut });
      await lamina.close({ signal: cut });
    },
  };
}

/** A chat request that any model takes. */
export function chat(model: string, text = 'hi', more: object = {}): object {
  return { model, messages: [{ role: 'user', content: text }], ...more };
}

/** The sum of a field of the series; of nothing when no bucket is known. */
export function total({ series }: SeriesView, field: string): number {
  return (series[field] as (number | null)[]).reduce<number>((sum, value) => sum + (value ?? 0), 0);
}
