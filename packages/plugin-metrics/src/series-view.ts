// The response of /stats/series: the buckets of a window, one list per field.
import type { Bucket } from './ring.js';
import { windows, type Series, type WindowName } from './series.js';

interface Field {
  readonly description: string;
  /** Nothing was written to the bucket when it is `undefined`, but Lamina ran. */
  read(bucket: Bucket | undefined): unknown;
  /** Default: a number. */
  readonly items?: object;
}

const seconds = (ms: number): number => ms / 1_000;

/** Field → what it is. `undefined` becomes null in JSON: nothing is known. */
const fields: Readonly<Record<string, Field>> = {
  requests: counter('requests', 'Requests that have ended.'),
  cancelled: counter('cancelled', 'Those whose client left: status 499.'),
  failures: counter('failures', 'Those that failed: any other status from 400 on.'),
  prompt_tokens: counter('prompt_tokens', 'Tokens of prompts.'),
  generated_tokens: counter('generated_tokens', 'Tokens that models generated.'),
  cached_tokens: counter('cached_tokens', 'Tokens of prompts that a cache had.'),
  queue_seconds: counter('queue_ms', 'Time in the queue, the sum of all requests.', seconds),
  ttft_count: {
    description: 'Streams whose time to the first byte is known.',
    read: (bucket) => bucket?.ttft.count ?? 0,
  },
  ttft_p50_seconds: {
    description: 'The median time to the first byte of a stream; null for fewer than 20 values.',
    read: (bucket) => bucket?.ttft.p50,
  },
  ttft_p95_seconds: {
    description: 'Its 95th percentile, in the same way.',
    read: (bucket) => bucket?.ttft.p95,
  },
  ttft_values_seconds: {
    description: 'The values, when there are 1 to 19; else null.',
    read: (bucket) => (bucket === undefined || bucket.ttft.count === 0 ? undefined : bucket.ttft.values),
    items: { type: ['array', 'null'], items: { type: 'number' } },
  },
  loads: counter('loads', 'Models that became ready.'),
  load_seconds: counter('load_ms', 'Their load time, the sum.', seconds),
  load_failures: counter('load_failures', 'Models that failed to start, and engines that exited unexpectedly.'),
  evictions: counter('evictions', 'Models that were stopped for another one.'),
  running: gauge('running', 'Requests that models compute, the most in a sample.', 0),
  waiting: gauge('waiting', 'Requests that wait for a model, the most in a sample.', 0),
  memory_bytes: gauge('memory_bytes', 'Memory of the processes of models, the most in a sample; null without any.'),
};

const number = { type: ['number', 'null'] };

/** The schema of the response. */
export const seriesSchema = {
  type: 'object',
  properties: {
    window: { enum: Object.keys(windows) },
    model: { type: 'string', description: 'The model; missing for all together.' },
    bucket_seconds: { type: 'number', description: 'The length of a bucket.' },
    start: { type: 'number', description: 'When the first bucket starts, in seconds since the epoch.' },
    models: {
      type: 'array',
      items: { type: 'string' },
      description: 'The models that have series. `other` has what names of no model counted.',
    },
    series: {
      type: 'object',
      description:
        'One list per field, the oldest bucket first; the last bucket is not over yet. Null: nothing is known, as before the start of Lamina.',
      properties: Object.fromEntries(
        Object.entries(fields).map(([name, { description, items = number }]) => [
          name,
          { type: 'array', description, items },
        ]),
      ),
      required: Object.keys(fields),
      additionalProperties: false,
    },
  },
  required: ['window', 'bucket_seconds', 'start', 'models', 'series'],
  additionalProperties: false,
};

/** Times of the clock, in milliseconds. */
export interface ViewedTime {
  readonly now: number;
  /** When counting began. */
  readonly startedAt: number;
  /** What makes milliseconds since the epoch of them. */
  readonly shiftMs: number;
}

/** The buckets of a window until now. */
export function seriesView(series: Series, window: WindowName, { now, startedAt, shiftMs }: ViewedTime): object {
  const { ms, buckets } = windows[window];
  const first = Math.floor(now / ms) - buckets + 1;
  const numbers = Array.from({ length: buckets }, (_, index) => first + index);
  const read = series.read(window, numbers);
  const known = Math.floor(startedAt / ms);
  return {
    window,
    bucket_seconds: ms / 1_000,
    start: Math.round((first * ms + shiftMs) / 1_000),
    series: Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [
        name,
        // eslint-disable-next-line no-restricted-syntax -- JSON has no undefined.
        read.map((bucket, index) => (first + index < known ? null : (field.read(bucket) ?? null))),
      ]),
    ),
  };
}

function counter(
  name: Parameters<Bucket['counter']>[0],
  description: string,
  convert = (count: number): number => count,
): Field {
  return { description, read: (bucket) => convert(bucket?.counter(name) ?? 0) };
}

/** `missing` is what a bucket without a sample has: nothing runs then. */
function gauge(name: Parameters<Bucket['gauge']>[0], description: string, missing?: number): Field {
  return { description, read: (bucket) => bucket?.gauge(name) ?? missing };
}
