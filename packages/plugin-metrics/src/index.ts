// The plugin `metrics`: Prometheus metrics and time series of requests, tokens, queues, loads and memory.
import { definePlugin } from '@lamina/core/plugin';
import type {} from '@lamina/server-koa';
import { Labels } from './labels.js';
import { recordEvents } from './recorder.js';
import { metricsRoutes } from './routes.js';
import { Sampler } from './sampler.js';
import { MetricsStore } from './store.js';

/**
 * Counts requests, tokens, loads and downloads, and serves them as `GET /metrics` for Prometheus and as time series of
 * the last 24 hours at `GET /stats/series`. Both need the scope `manage`.
 */
export const metrics = definePlugin({
  name: 'metrics',
  needs: ['usage'],
  setup(lamina) {
    const store = new MetricsStore(lamina.clock, lamina.models);
    recordEvents(lamina.events, store, new Labels(lamina.models));
    const sampler = new Sampler(lamina, store);
    lamina.extend('http', { routes: metricsRoutes(lamina, store, sampler) });
  },
});
