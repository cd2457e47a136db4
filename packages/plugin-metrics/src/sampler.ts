// Samples what runs while something runs: once a second the requests, every 15 seconds the memory.
import type { PluginContext, Resources } from '@lamina/core/plugin';
import { memoryOf } from './memory.js';
import type { Gauges } from './ring.js';
import type { MetricsStore } from './store.js';

/** Half of the shortest bucket, so that each has a sample. */
const sampleMs = 1_000;
const memoryMs = 15_000;
/** Where reading memory starts a process, it is read until so long after somebody asked. */
const askedMs = 5 * 60_000;

/** A model that runs, now. */
export interface RunningModel {
  readonly model: string;
  readonly running: number;
  readonly waiting: number;
  /** Of its process; missing when it runs elsewhere. */
  readonly memoryBytes?: number;
  /** What is reserved for it. */
  readonly reserved: Resources;
}

/** See the first line of this file. */
export class Sampler {
  #cancel: (() => void) | undefined;
  #isClosed = false;
  #memory: ReadonlyMap<number, number> = new Map();
  #memoryAt = -Infinity;
  #askedAt = -Infinity;

  constructor(
    private readonly lamina: Pick<PluginContext, 'clock' | 'events' | 'runtime' | 'onClose'>,
    private readonly store: MetricsStore,
  ) {
    lamina.events.on('model.state', () => this.#schedule());
    lamina.onClose(() => {
      this.#isClosed = true;
      this.#cancel?.();
    });
  }

  /** What runs now, with its memory; somebody asks for it. */
  async runningModels(): Promise<readonly RunningModel[]> {
    this.noteAsked();
    const slots = this.lamina.runtime.slots();
    const memory = await memoryOf(slots.flatMap(({ pid }) => pid ?? []));
    return slots.map(({ model, busy, waiting, pid, memory: held }) => {
      const memoryBytes = memory.get(pid ?? -1);
      const reserved = held?.reserved ?? {};
      return { model, running: busy, waiting, reserved, ...(memoryBytes === undefined ? {} : { memoryBytes }) };
    });
  }

  /** Somebody asks for the series. */
  noteAsked(): void {
    this.#askedAt = this.lamina.clock.now();
  }

  #schedule(): void {
    if (this.#isClosed || this.#cancel !== undefined) return;
    this.#cancel = this.lamina.clock.after(sampleMs, () => {
      this.#cancel = undefined;
      this.#sample();
    });
  }

  #sample(): void {
    const slots = this.lamina.runtime.slots();
    if (slots.length === 0) return; // The next state of a model schedules the next sample.
    const gauges = slots.map(({ model, busy, waiting, pid }): [string, Gauges] => [
      model,
      { running: busy, waiting, memory_bytes: this.#memory.get(pid ?? -1) },
    ]);
    this.store.sample(new Map(gauges));
    this.#readMemory(slots.flatMap(({ pid }) => pid ?? []));
    this.#schedule();
  }

  #readMemory(pids: readonly number[]): void {
    const now = this.lamina.clock.now();
    const isCheap = process.platform === 'linux';
    const isNew = pids.some((pid) => !this.#memory.has(pid));
    if (!isNew && now < this.#memoryAt + memoryMs) return;
    if (!isCheap && now > this.#askedAt + askedMs) return;
    this.#memoryAt = now;
    void memoryOf(pids).then((memory) => (this.#memory = memory));
  }
}
