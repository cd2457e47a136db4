// The plugin `metrics`: Prometheus metrics and time series of requests, tokens, queues, loads and memory.
import { definePlugin } from '@lamina/core/plugin';

/** Prometheus metrics and time series of requests, tokens, queues, loads and memory. */
export const metrics = definePlugin({
  name: 'metrics',
  setup() {},
});
