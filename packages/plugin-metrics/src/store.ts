// All that is counted: one source for /metrics and for the time series.
import type { Clock, PluginContext } from '@lamina/core/plugin';
import { ModelMetrics } from './model-metrics.js';
import type { Counts, Gauges } from './ring.js';
import { Series } from './series.js';

/** How many models are kept; each takes about 120 kB. */
const maxModels = 100;
/** How long the counts of a model that is gone are kept: as long as the longest window. */
const goneMs = 24 * 60 * 60 * 1_000;

/** See the first line of this file. */
export class MetricsStore {
  /** When counting began, as the clock counts. */
  readonly startedAt: number;
  /** The series of all models together. It keeps what models counted that are no longer kept. */
  readonly total = new Series();
  /** Result → downloads. */
  readonly downloads = new Map([
    ['finished', 0],
    ['failed', 0],
    ['cancelled', 0],
  ]);
  downloadBytes = 0;
  readonly #models = new Map<string, ModelMetrics>();

  constructor(
    private readonly clock: Clock,
    private readonly models: Pick<PluginContext['models'], 'get'>,
  ) {
    this.startedAt = clock.now();
  }

  /** The metrics of a model that something happens to. */
  of(name: string): ModelMetrics {
    const now = this.clock.now();
    let metrics = this.#models.get(name);
    if (metrics === undefined) {
      this.#makeRoom();
      metrics = new ModelMetrics(name, now);
      this.#models.set(name, metrics);
    }
    metrics.usedAt = now;
    return metrics;
  }

  get(name: string): ModelMetrics | undefined {
    return this.#models.get(name);
  }

  /** The series of a model; empty ones for a model that nothing has happened to. */
  seriesOf(name: string): Series {
    return this.#models.get(name)?.series ?? new Series();
  }

  /** The models that are kept, without those that have been gone for 24 hours. */
  list(): readonly ModelMetrics[] {
    const before = this.clock.now() - goneMs;
    for (const { name, usedAt } of this.#models.values()) {
      if (usedAt < before && this.models.get(name) === undefined) this.#models.delete(name);
    }
    return [...this.#models.values()];
  }

  /** Adds to the series of a model and to those of all. */
  add({ series }: ModelMetrics, counts: Counts): void {
    const now = this.clock.now();
    series.add(now, counts);
    this.total.add(now, counts);
  }

  addTtft({ series }: ModelMetrics, seconds: number): void {
    const now = this.clock.now();
    series.addTtft(now, seconds);
    this.total.addTtft(now, seconds);
  }

  /** Samples what runs: model → its gauges. */
  sample(running: ReadonlyMap<string, Gauges>): void {
    const now = this.clock.now();
    const sums: { -readonly [Name in keyof Gauges]: Gauges[Name] } = {};
    for (const [name, gauges] of running) {
      this.of(name).series.sample(now, gauges);
      for (const [gauge, value] of Object.entries(gauges) as [keyof Gauges, number | undefined][])
        if (value !== undefined) sums[gauge] = (sums[gauge] ?? 0) + value;
    }
    this.total.sample(now, sums);
  }

  /** Forgets the model that was used least recently when there are too many. */
  #makeRoom(): void {
    if (this.list().length < maxModels) return;
    const [oldest] = [...this.#models.values()].sort((a, b) => a.usedAt - b.usedAt);
    this.#models.delete(oldest!.name);
  }
}
