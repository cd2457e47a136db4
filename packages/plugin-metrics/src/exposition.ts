// The response of /metrics: what is counted, in the text format of Prometheus.
import type { Metric, Registry } from 'prom-client';
import { countsModels, type MemorySnapshot, type Resources } from '@lamina/core/plugin';
import type { Distribution } from './distribution.js';
import type { ModelMetrics } from './model-metrics.js';
import type { RunningModel } from './sampler.js';
import type { MetricsStore } from './store.js';

type LabelValues = Readonly<Record<string, string | number>>;

interface Sample {
  readonly labels: LabelValues;
  readonly value: number;
  /** Where it differs from the metric's: `_bucket`, `_sum`, `_count`. */
  readonly metricName?: string;
}

/** What the values of metrics are made from. */
interface Scrape {
  readonly store: MetricsStore;
  readonly models: readonly ModelMetrics[];
  readonly running: readonly RunningModel[];
  readonly memory: MemorySnapshot;
}

interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  samples(scrape: Scrape, name: string): Sample[];
}

/** Name → what it is. */
export const metricTable: Readonly<Record<string, Definition>> = {
  lamina_requests_total: {
    type: 'counter',
    help: 'Inference requests that have ended; status 499 for those whose client left.',
    samples: ({ models }) =>
      models.flatMap(({ name: model, requests }) =>
        [...requests.values()].map(({ count, ...labels }) => ({ labels: { model, ...labels }, value: count })),
      ),
  },
  lamina_tokens_total: {
    type: 'counter',
    help: 'Tokens of inference requests: of prompts, generated, and those of prompts that a cache had.',
    samples: ({ models }) =>
      models.flatMap(({ name: model, tokens }) =>
        [...tokens].flatMap(([key, kinds]) =>
          Object.entries(kinds).map(([kind, value]) => ({ labels: { model, key, kind }, value: value as number })),
        ),
      ),
  },
  lamina_ttft_seconds: histogram('Time to the first byte of a streamed answer.', ({ ttft }) => ttft),
  lamina_tokens_per_second: histogram('Speed of generation of a request.', ({ speed }) => speed),
  lamina_queue_seconds: histogram('Time of a request in the queue.', ({ queue }) => queue),
  lamina_load_seconds: histogram('Load time of a model. Its count is the number of loads.', ({ load }) => load),
  lamina_model_failures_total: {
    type: 'counter',
    help: 'Starts of models that failed, and engines that exited unexpectedly, by the code of the error.',
    samples: byName('code', ({ failures }) => failures),
  },
  lamina_model_stops_total: {
    type: 'counter',
    help: 'Models that were stopped; the reason `evicted` is for another model.',
    samples: byName('reason', ({ stops }) => stops),
  },
  lamina_downloads_total: {
    type: 'counter',
    help: 'Downloads that have ended, by their result.',
    samples: ({ store }) => [...store.downloads].map(([result, value]) => ({ labels: { result }, value })),
  },
  lamina_download_bytes_total: {
    type: 'counter',
    help: 'Bytes of finished downloads.',
    samples: ({ store }) => [{ labels: {}, value: store.downloadBytes }],
  },
  lamina_running: {
    type: 'gauge',
    help: 'Requests that a loaded model computes.',
    samples: ({ running }) => running.map(({ model, running: value }) => ({ labels: { model }, value })),
  },
  lamina_waiting: {
    type: 'gauge',
    help: 'Requests that wait for a model.',
    samples: ({ running }) => running.map(({ model, waiting: value }) => ({ labels: { model }, value })),
  },
  lamina_model_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory of the process of a model.',
    samples: ({ running }) =>
      running.flatMap(({ model, memoryBytes: value }) => (value === undefined ? [] : { labels: { model }, value })),
  },
  lamina_model_memory_reserved_bytes: {
    type: 'gauge',
    help: 'Memory that is reserved for a model, by resource: host is system memory, others are devices.',
    samples: ({ running }) =>
      running.flatMap(({ model, reserved }) => bytesByResource(reserved).map(withLabels({ model }))),
  },
  lamina_memory_budget_bytes: {
    type: 'gauge',
    help: 'Memory that all models together may use.',
    samples: ({ memory }) => bytesByResource(memory.budget),
  },
  lamina_memory_free_bytes: {
    type: 'gauge',
    help: 'Memory that another model could get without stopping one; negative while more is reserved than there is.',
    samples: ({ memory }) => bytesByResource(memory.free),
  },
  process_cpu_seconds_total: {
    type: 'counter',
    help: 'CPU time of the process of Lamina, without its engines.',
    samples: () => {
      const { user, system } = process.cpuUsage();
      return [{ labels: {}, value: (user + system) / 1e6 }];
    },
  },
  process_resident_memory_bytes: {
    type: 'gauge',
    help: 'Resident memory of the process of Lamina.',
    samples: () => [{ labels: {}, value: process.memoryUsage.rss() }],
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the process of Lamina started, in seconds since the epoch.',
    samples: () => [{ labels: {}, value: performance.timeOrigin / 1_000 }],
  },
};

/** Renders all metrics. prom-client is imported here, because that takes 60 ms of CPU time. */
export async function exposition(
  store: MetricsStore,
  running: readonly RunningModel[],
  memory: MemorySnapshot,
): Promise<{ text: string; contentType: string }> {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  const scrape = { store, models: store.list(), running, memory };
  for (const [name, definition] of Object.entries(metricTable)) register(registry, name, definition, scrape);
  return { text: await registry.metrics(), contentType: registry.contentType };
}

/**
 * A metric that has its values from the store. The metrics of prom-client would count everything a second time, and take
 * two sets of labels for one when a value has commas and colons.
 */
function register(registry: Registry, name: string, { type, help, samples }: Definition, scrape: Scrape): void {
  const metric = { name, help, type, get: () => ({ name, help, type, values: samples(scrape, name) }) };
  registry.registerMetric(metric as unknown as Metric);
}

/** Counts of models are left out. */
function bytesByResource(resources: Resources): Sample[] {
  return Object.entries(resources)
    .filter(([resource]) => !countsModels(resource))
    .map(([resource, value]) => ({ labels: { resource }, value }));
}

function withLabels(more: LabelValues): (sample: Sample) => Sample {
  return ({ labels, ...sample }) => ({ ...sample, labels: { ...more, ...labels } });
}

function byName(label: string, countsOf: (model: ModelMetrics) => ReadonlyMap<string, number>): Definition['samples'] {
  return ({ models }) =>
    models.flatMap((metrics) =>
      [...countsOf(metrics)].map(([name, value]) => ({ labels: { model: metrics.name, [label]: name }, value })),
    );
}

function histogram(help: string, of: (model: ModelMetrics) => Distribution): Definition {
  return {
    type: 'histogram',
    help,
    samples: ({ models }, name) => models.flatMap((metrics) => histogramSamples(name, metrics.name, of(metrics))),
  };
}

/** Buckets count all values up to their bound. */
function histogramSamples(name: string, model: string, { bounds, counts, count, sum }: Distribution): Sample[] {
  let upTo = 0;
  const buckets = [...bounds, '+Inf'].map((le, index) => {
    upTo += counts[index]!;
    return { metricName: `${name}_bucket`, labels: { le, model }, value: upTo };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { model }, value: sum },
    { metricName: `${name}_count`, labels: { model }, value: count },
  ];
}
