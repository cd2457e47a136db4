// GET /metrics and GET /stats/series.
import type { PluginContext } from '@lamina/core/plugin';
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { exposition } from './exposition.js';
import type { Sampler } from './sampler.js';
import { windows, type WindowName } from './series.js';
import { seriesSchema, seriesView } from './series-view.js';
import type { MetricsStore } from './store.js';

const querySchema = {
  type: 'object',
  properties: {
    window: { enum: Object.keys(windows), default: '15m', description: 'How far back: to the present.' },
    model: { type: 'string', description: 'The name or alias of a model; without it all models together.' },
  },
} as const;

/** The routes of the plugin. */
export function metricsRoutes(
  lamina: Pick<PluginContext, 'clock' | 'models' | 'runtime'>,
  store: MetricsStore,
  sampler: Sampler,
): HttpRoute[] {
  const series = ({ koa }: HttpContext): object => {
    sampler.noteAsked();
    const { window = '15m', model } = koa.query as { window?: WindowName; model?: string };
    const models = store.list().map(({ name }) => name);
    const now = lamina.clock.now();
    const time = { now, startedAt: store.startedAt, shiftMs: lamina.clock.date(now).getTime() - now };
    if (model === undefined) return { ...seriesView(store.total, window, time), models };
    const name = store.get(model) === undefined ? lamina.models.resolve(model).model.name : model;
    return { model: name, ...seriesView(store.seriesOf(name), window, time), models };
  };
  return [
    {
      method: 'GET',
      path: '/metrics',
      scope: 'manage',
      summary: 'Counters and gauges in the text format of Prometheus',
      content: { response: { 'text/plain': { type: 'string' } } },
      handler: async ({ koa }) => {
        const { text, contentType } = await exposition(store, await sampler.runningModels(), lamina.runtime.memory());
        koa.set('content-type', contentType);
        return text;
      },
    },
    {
      method: 'GET',
      path: '/stats/series',
      scope: 'manage',
      summary: 'The same numbers over time: requests, tokens, times, loads and memory',
      query: querySchema,
      response: seriesSchema,
      handler: series,
    },
  ];
}
