// The buckets of one window, in typed arrays that are written round and round: no object per bucket.
import { Latencies, type LatencyView } from './latencies.js';

/** What is added up in a bucket; times in milliseconds. */
export const counterNames = [
  'requests',
  'cancelled',
  'failures',
  'prompt_tokens',
  'generated_tokens',
  'cached_tokens',
  'queue_ms',
  'loads',
  'load_ms',
  'load_failures',
  'evictions',
] as const;

/** What is sampled: a bucket has the highest value. */
export const gaugeNames = ['running', 'waiting', 'memory_bytes'] as const;

export type Counts = { readonly [Name in (typeof counterNames)[number]]?: number };
export type Gauges = { readonly [Name in (typeof gaugeNames)[number]]?: number | undefined };

/** A bucket as it is read. */
export interface Bucket {
  counter(name: (typeof counterNames)[number]): number;
  /** `undefined` when there was no sample. */
  gauge(name: (typeof gaugeNames)[number]): number | undefined;
  readonly ttft: LatencyView;
}

/** See the first line of this file. A bucket has the number `floor(time / ms)`. */
export class Ring {
  /** Number of the bucket at each position. */
  readonly #numbers: Uint32Array;
  readonly #counters: Uint32Array;
  /** NaN without a sample. A float of 32 bits has the memory of a model to 0.00001 %. */
  readonly #gauges: Float32Array;
  readonly #ttft: Latencies;

  constructor(
    private readonly length: number,
    private readonly ms: number,
  ) {
    this.#numbers = new Uint32Array(length);
    this.#counters = new Uint32Array(length * counterNames.length);
    this.#gauges = new Float32Array(length * gaugeNames.length);
    this.#ttft = new Latencies(length);
  }

  get bytes(): number {
    return [this.#numbers, this.#counters, this.#gauges, this.#ttft].reduce(
      (sum, part) => sum + ('bytes' in part ? part.bytes : part.byteLength),
      0,
    );
  }

  add(now: number, counts: Counts): void {
    const from = this.#open(now) * counterNames.length;
    for (const [column, name] of counterNames.entries()) {
      const count = counts[name];
      if (count !== undefined) this.#counters[from + column]! += count;
    }
  }

  sample(now: number, gauges: Gauges): void {
    const from = this.#open(now) * gaugeNames.length;
    for (const [column, name] of gaugeNames.entries()) {
      const value = gauges[name];
      const before = this.#gauges[from + column]!;
      if (value !== undefined && !(value <= before)) this.#gauges[from + column] = value;
    }
  }

  addTtft(now: number, seconds: number): void {
    this.#ttft.add(this.#open(now), seconds);
  }

  /** A bucket by its number; `undefined` when nothing was written to it, or it is no longer kept. */
  read(number: number): Bucket | undefined {
    const position = number % this.length;
    if (this.#numbers[position] !== number) return undefined;
    return {
      counter: (name) => this.#counters[position * counterNames.length + counterNames.indexOf(name)]!,
      gauge: (name) => {
        const value = this.#gauges[position * gaugeNames.length + gaugeNames.indexOf(name)]!;
        return Number.isNaN(value) ? undefined : value;
      },
      ttft: this.#ttft.view(position),
    };
  }

  /** The position of the bucket of this time, cleared if it held an older one. */
  #open(now: number): number {
    const number = Math.floor(now / this.ms);
    const position = number % this.length;
    if (this.#numbers[position] !== number) {
      this.#numbers[position] = number;
      this.#counters.fill(0, position * counterNames.length, (position + 1) * counterNames.length);
      this.#gauges.fill(NaN, position * gaugeNames.length, (position + 1) * gaugeNames.length);
      this.#ttft.clear(position);
    }
    return position;
  }
}
