// What is counted of one model: totals since the start for Prometheus, and its time series.
import { Distribution, secondBounds, speedBounds } from './distribution.js';
import { Series } from './series.js';

/** The labels of a count of requests. */
export interface RequestLabels {
  readonly route: string;
  readonly status: number;
  readonly key: string;
}

/** Tokens by their kind. */
export interface Tokens {
  prompt: number;
  generated: number;
  cached: number;
}

/** See the first line of this file. */
export class ModelMetrics {
  readonly requests = new Map<string, RequestLabels & { count: number }>();
  /** Name of the key → tokens. */
  readonly tokens = new Map<string, Tokens>();
  readonly ttft = new Distribution(secondBounds);
  readonly queue = new Distribution(secondBounds);
  readonly load = new Distribution(secondBounds);
  readonly speed = new Distribution(speedBounds);
  /** Code of the error → failures. Zeros first: Prometheus sees no increase in a counter that begins with 1. */
  readonly failures = new Map([
    ['MODEL_START_FAILED', 0],
    ['MODEL_SERVER_EXITED', 0],
  ]);
  /** Reason → stops. */
  readonly stops = new Map([
    ['evicted', 0],
    ['idle', 0],
    ['requested', 0],
  ]);
  readonly series = new Series();

  constructor(
    readonly name: string,
    /** When something happened last, as the clock counts. */
    public usedAt: number,
  ) {}

  countRequest({ route, status, key }: RequestLabels): void {
    const id = `${status} ${route} ${key}`; // Only the key may have spaces.
    const found = this.requests.get(id);
    if (found === undefined) this.requests.set(id, { route, status, key, count: 1 });
    else found.count += 1;
  }

  countTokens(key: string, { prompt, generated, cached }: Readonly<Tokens>): void {
    const tokens = this.tokens.get(key) ?? { prompt: 0, generated: 0, cached: 0 };
    this.tokens.set(key, tokens);
    tokens.prompt += prompt;
    tokens.generated += generated;
    tokens.cached += cached;
  }
}

/** Adds one to the count of a name. */
export function countOne(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
