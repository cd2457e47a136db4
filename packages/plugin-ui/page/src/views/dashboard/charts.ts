// What each chart shows: its series, its headline, and how its numbers are written.
import type { FinishedRequest } from '@lamina/core/protocol';
import { counted, formatBytes, formatDuration, formatNumber, formatSpeed } from '../../format.js';
import { coloursOf, type Colour } from './colours.js';
import type { DashboardData } from './dashboard-data.js';
import {
  alignedTo,
  averageOf,
  lastOf,
  medianOf,
  ratesOf,
  recentOf,
  restOf,
  stack,
  sumOf,
  timesOf,
  withoutLast,
  type Values,
} from './series.js';

/** One series of a chart. */
export interface ChartSeries {
  readonly label: string;
  readonly colour: Colour;
  readonly values: Values;
  /** Where it is drawn: on top of others, when they are stacked. */
  readonly drawn: Values;
}

/** A single value. */
export interface Dot {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly value: number;
  /** The model. */
  readonly label?: string;
  readonly colour: Colour;
}

/** A chart. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** What the numbers are, where the title does not say it. */
  readonly note?: string;
  /** The number now. */
  readonly now: string;
  /** The average and the like. */
  readonly average: string;
  readonly kind: 'area' | 'line' | 'steps' | 'bars';
  /** When the buckets start, in seconds since the epoch. */
  readonly times: readonly number[];
  readonly bucketSeconds: number;
  readonly series: readonly ChartSeries[];
  readonly dots: readonly Dot[];
  /** A line across the chart. */
  readonly limit?: { readonly label: string; readonly value: number };
  format(value: number): string;
  /** Shorter, for the axis. Default: as {@link format}. */
  formatAxis?(value: number): string;
}

/** The speed of a shorter answer says little: its tokens may have come at once. */
const leastTokens = 8;

const seconds = (value: number): string => formatDuration(1000 * value);
const orNone = (value: number | undefined, format: (value: number) => string): string =>
  value === undefined ? '–' : format(value);

/** What the server says of this moment; the last bucket of a series is not over. */
export interface Present {
  readonly running: number;
  readonly waiting: number;
  /** The memory that all models together may use, in bytes; `undefined` without a limit. */
  readonly memoryBudget: number | undefined;
}

/** All charts. */
export function chartsOf(data: DashboardData, present: Present): readonly Chart[] {
  const colours = coloursOf([...data.models.keys()]);
  return [
    tokens(data, colours),
    firstToken(data),
    running(data, present),
    speed(data, colours),
    memory(data, colours, present),
    incidents(data),
  ];
}

/** What a screen reader says of a chart. */
export function sentenceOf({ title, now, average }: Chart, window: string): string {
  return `${title}, last ${window}: ${now}, ${average}.`;
}

/** The end of the axis: above all values, and above the limit unless they would be hard to see below it. */
export function maximumOf({ series, dots, limit }: Chart): number {
  const drawn = series.flatMap(({ drawn: values }) => values.map((value) => value ?? 0));
  const highest = Math.max(0, ...drawn, ...dots.map(({ value }) => value));
  const isLimitNear = limit !== undefined && highest >= limit.value / 10;
  return 1.08 * Math.max(highest, isLimitNear ? limit.value : 0) || 1;
}

type Frame = Pick<Chart, 'times' | 'bucketSeconds' | 'dots'>;

function frame({ total }: DashboardData): Frame {
  return { times: timesOf(total), bucketSeconds: total.bucket_seconds, dots: [] };
}

function tokens({ total, models }: DashboardData, colours: ReadonlyMap<string, Colour>): Chart {
  const { bucket_seconds: length } = total;
  const all = ratesOf(total.series.generated_tokens, length);
  const parts = [...models].map(([model, document]) => ({
    label: model,
    colour: colours.get(model)!,
    values: ratesOf(alignedTo(total, document, 'generated_tokens'), length),
  }));
  return {
    ...frame({ total, models, requests: [] }),
    id: 'tokens',
    title: 'Tokens out',
    note: 'Counted when an answer ends.',
    now: orNone(recentOf(all, length, 10), formatSpeed),
    average: `${orNone(averageOf(all), formatSpeed)} on average`,
    kind: 'area',
    series: stacked(all, parts),
    format: formatSpeed,
    formatAxis: formatNumber,
  };
}

function firstToken(data: DashboardData): Chart {
  const { total } = data;
  const {
    ttft_p50_seconds: p50,
    ttft_p95_seconds: p95,
    ttft_values_seconds: values,
    ttft_count: counts,
  } = total.series;
  const times = timesOf(total);
  const medians = p50.map((value, index) => value ?? (values[index] && medianOf(values[index])));
  return {
    ...frame(data),
    id: 'first-token',
    title: 'Time to first token',
    note: 'Of streams; dots where there are fewer than 20 in a bucket.',
    now: orNone(lastOf(medians), seconds),
    average: `${orNone(averageOf(medians, counts), seconds)} on average`,
    kind: 'line',
    series: [
      { label: 'median', colour: 'chart-1', values: p50, drawn: p50 },
      { label: '95th percentile', colour: 'chart-2', values: p95, drawn: p95 },
    ],
    dots: values.flatMap((list, index) =>
      (list ?? []).map((value) => ({
        at: times[index]! + total.bucket_seconds / 2,
        value,
        colour: 'chart-1' as const,
      })),
    ),
    format: seconds,
  };
}

function running(data: DashboardData, present: Present): Chart {
  const { series } = data.total;
  const [computed, waiting] = [withoutLast(series.running), withoutLast(series.waiting)];
  const average = [computed, waiting].map((values) => orNone(averageOf(values), tenths));
  return {
    ...frame(data),
    id: 'running',
    title: 'Running and waiting',
    now: `${present.running} running, ${present.waiting} waiting`,
    average: `${average[0]} and ${average[1]} on average`,
    kind: 'steps',
    series: [
      { label: 'running', colour: 'chart-1', values: computed, drawn: computed },
      { label: 'waiting', colour: 'chart-2', values: waiting, drawn: waiting },
    ],
    format: formatNumber,
  };
}

function speed(data: DashboardData, colours: ReadonlyMap<string, Colour>): Chart {
  const times = timesOf(data.total);
  const dots = data.requests.flatMap((request) => speedDot(request, colours)).filter(({ at }) => at >= times[0]!);
  return {
    ...frame(data),
    id: 'speed',
    title: 'Speed of the last requests',
    note: `Each a dot, of the last 500 those with ${leastTokens} tokens or more.`,
    now: orNone(dots.at(-1)?.value, formatSpeed),
    average: `${orNone(averageOf(dots.map(({ value }) => value)), formatSpeed)} on average`,
    kind: 'line',
    series: [],
    dots,
    format: formatSpeed,
    formatAxis: formatNumber,
  };
}

function speedDot(request: FinishedRequest, colours: ReadonlyMap<string, Colour>): Dot[] {
  const { model, at, tokens_per_second: value, completion_tokens: count = 0 } = request;
  if (value === undefined || count < leastTokens) return [];
  return [{ at: Date.parse(at) / 1000, value, label: model, colour: colours.get(model) ?? 'chart-rest' }];
}

function memory(data: DashboardData, colours: ReadonlyMap<string, Colour>, { memoryBudget: budget }: Present): Chart {
  const { total, models } = data;
  const all = total.series.memory_bytes;
  const parts = [...models].map(([model, document]) => ({
    label: model,
    colour: colours.get(model)!,
    values: alignedTo(total, document, 'memory_bytes'),
  }));
  return {
    ...frame(data),
    id: 'memory',
    title: 'Memory',
    note: 'System memory of the engines, every 15 s.',
    now: orNone(lastOf(all), formatBytes),
    average: budget === undefined ? 'without a limit' : `of ${formatBytes(budget)} that models may use`,
    kind: 'area',
    series: stacked(all, parts),
    ...(budget === undefined ? {} : { limit: { label: 'limit', value: budget } }),
    format: formatBytes,
  };
}

function incidents(data: DashboardData): Chart {
  const { loads, evictions, load_failures: failedLoads, failures } = data.total.series;
  const parts: Omit<ChartSeries, 'drawn'>[] = [
    { label: 'loads', colour: 'chart-1', values: loads },
    { label: 'evictions', colour: 'chart-2', values: evictions },
    { label: 'failed models', colour: 'bad', values: failedLoads },
    { label: 'failed requests', colour: 'chart-4', values: failures },
  ];
  const drawn = stack(
    loads,
    parts.map(({ values }) => values),
  );
  return {
    ...frame(data),
    id: 'incidents',
    title: 'Loads, evictions, failures',
    now: `${counted(sumOf(loads), 'load')}, ${counted(sumOf(evictions), 'eviction')}`,
    average: `${counted(sumOf(failedLoads), 'model')} and ${counted(sumOf(failures), 'request')} failed`,
    kind: 'bars',
    series: parts.map((part, index) => ({ ...part, drawn: drawn[index]! })),
    format: formatNumber,
  };
}

/** The series of models, one on top of the other, and what is left of all models. */
function stacked(all: Values, parts: readonly Omit<ChartSeries, 'drawn'>[]): readonly ChartSeries[] {
  const rest = restOf(
    all,
    parts.map(({ values }) => values),
  );
  const isComplete = rest.every((value) => value === undefined || value === 0);
  const shown = isComplete ? parts : [...parts, { label: 'others', colour: 'chart-rest' as const, values: rest }];
  const drawn = stack(
    all,
    shown.map(({ values }) => values),
  );
  return shown.map((part, index) => ({ ...part, drawn: drawn[index]! }));
}

function tenths(value: number): string {
  return String(Math.round(10 * value) / 10);
}
