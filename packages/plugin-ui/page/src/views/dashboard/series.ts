// The time series of the server, from which all charts but one are made.

/** The windows, the shortest first: name → how it is called. */
export const windows = { '5m': '5 min', '15m': '15 min', '1h': '1 h', '6h': '6 h', '24h': '24 h' } as const;

/** The name of a window. */
export type WindowName = keyof typeof windows;

/** One number per bucket; `undefined`: nothing is known. */
export type Values = readonly (number | undefined)[];

type NumberField =
  | 'failures'
  | 'generated_tokens'
  | 'ttft_count'
  | 'ttft_p50_seconds'
  | 'ttft_p95_seconds'
  | 'loads'
  | 'load_failures'
  | 'evictions'
  | 'running'
  | 'waiting'
  | 'memory_bytes';

/** The series of all models together, or of one. */
export interface SeriesDocument {
  readonly bucket_seconds: number;
  /** When the first bucket starts, in seconds since the epoch. */
  readonly start: number;
  /** The models that have series. */
  readonly models: readonly string[];
  /** One list per field, the oldest bucket first; the last bucket is not over yet. */
  readonly series: Readonly<Record<NumberField, Values>> & {
    readonly ttft_values_seconds: readonly (readonly number[] | undefined)[];
  };
}

/** `GET /stats/series` of the plugin `metrics`, as far as it is shown: null where nothing is known. */
export type SeriesResponse = Omit<SeriesDocument, 'series'> & {
  readonly series: Readonly<Record<string, readonly unknown[]>>;
};

/** The document of a response. */
export function readSeries({ series, ...head }: SeriesResponse): SeriesDocument {
  const known = Object.entries(series).map(([field, values]) => [field, values.map((value) => value ?? undefined)]);
  return { ...head, series: Object.fromEntries(known) as SeriesDocument['series'] };
}

/** When the buckets start, in seconds since the epoch. */
export function timesOf({ start, bucket_seconds: seconds, series }: SeriesDocument): number[] {
  return series.running.map((_, index) => start + index * seconds);
}

/** The values of a model for the buckets of another document, which can have been read a little later. */
export function alignedTo(
  { start, bucket_seconds: seconds }: SeriesDocument,
  model: SeriesDocument,
  field: NumberField,
): Values {
  const values = model.series[field];
  const shift = Math.round((start - model.start) / seconds);
  return values.map((_, index) => values[index + shift]);
}

/** The values without that of the last bucket, which is not over and would be too small. */
export function withoutLast(values: Values): Values {
  return values.map((value, index) => (index === values.length - 1 ? undefined : value));
}

/** Sums of buckets as numbers per second, without the last bucket. */
export function ratesOf(values: Values, bucketSeconds: number): Values {
  return withoutLast(values).map((value) => (value === undefined ? undefined : value / bucketSeconds));
}

/** What is left of a total without some parts; a part that is not known counts as nothing. */
export function restOf(total: Values, parts: readonly Values[]): Values {
  return total.map((value, index) =>
    value === undefined ? undefined : Math.max(0, value - parts.reduce((sum, part) => sum + (part[index] ?? 0), 0)),
  );
}

/** Each part on top of those before it, as it is drawn: a part that is not known has no height, a total that is not is a gap. */
export function stack(total: Values, parts: readonly Values[]): Values[] {
  const heights: (number | undefined)[] = total.map((value) => (value === undefined ? undefined : 0));
  return parts.map((part) =>
    part.map((value, index) => {
      const height = heights[index];
      return height === undefined ? undefined : (heights[index] = height + (value ?? 0));
    }),
  );
}

/** The mean of the values that are known; `undefined` without any. */
export function averageOf(values: Values, weights?: Values): number | undefined {
  let sum = 0;
  let weight = 0;
  values.forEach((value, index) => {
    if (value === undefined) return;
    const one = weights === undefined ? 1 : (weights[index] ?? 0);
    sum += one * value;
    weight += one;
  });
  return weight === 0 ? undefined : sum / weight;
}

/** The last value that is known. */
export function lastOf(values: Values): number | undefined {
  return values.findLast((value) => value !== undefined);
}

/** The mean of the last values: of those that cover `seconds`, at least one. */
export function recentOf(values: Values, bucketSeconds: number, seconds: number): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return averageOf(known.slice(-Math.max(1, Math.round(seconds / bucketSeconds))));
}

/** The value in the middle. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle) - 1]!) / 2;
}

/** The sum of the values that are known. */
export function sumOf(values: Values): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/** The models that are shown by name: those with the most tokens, then those with the most memory. */
export function rankModels(documents: ReadonlyMap<string, SeriesDocument>, count: number): string[] {
  const ranked = [...documents].map(([model, { series }]) => ({
    model,
    tokens: sumOf(series.generated_tokens),
    memory: Math.max(0, ...series.memory_bytes.map((value) => value ?? 0)),
  }));
  return ranked
    .filter(({ tokens, memory }) => tokens > 0 || memory > 0)
    .sort((a, b) => b.tokens - a.tokens || b.memory - a.memory || a.model.localeCompare(b.model))
    .slice(0, count)
    .map(({ model }) => model);
}
