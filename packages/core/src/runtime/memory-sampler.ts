// Measures what running engines take, for the ledger and for the next start.
import type { Clock } from '../contract/context.js';
import type { SystemMemory } from '../contract/processes.js';
import type { LearnedKey, LearnedMemory } from './learned-memory.js';
import type { Memory, StartMemory } from './memory.js';

const intervalMs = 2_000;

/** Measures process groups while they run. */
export class MemorySampler {
  constructor(
    private readonly system: SystemMemory,
    private readonly memory: Memory,
    private readonly learned: LearnedMemory,
    private readonly clock: Clock,
  ) {}

  /**
   * Measures the process group of a model that starts, until the returned function is called. The most that it took is
   * then remembered for the next start.
   */
  watch(model: string, pid: number, key: LearnedKey): () => void {
    const reserved = this.memory.reservedBytes(model);
    let peak = 0;
    let ended = false;
    let cancel = () => {};
    const measure = async () => {
      // It fails when this process is short of files; the next time it need not.
      const bytes = await this.system.residentBytes(pid).catch(() => undefined);
      if (ended) return;
      cancel = this.clock.after(intervalMs, () => void measure());
      if (bytes === undefined) return;
      this.memory.measured(model, bytes);
      peak = Math.max(peak, bytes);
    };
    void measure();
    return () => {
      if (ended) return;
      ended = true;
      cancel();
      if (peak > 0) this.learned.record(key, { reserved, peak });
    };
  }

  /** The system killed a model's engine for lack of memory: its next start gets more. */
  killed(model: string, { key, hardBytes }: StartMemory): void {
    this.learned.killed(key, Math.max(hardBytes, this.memory.reservedBytes(model)));
  }
}
