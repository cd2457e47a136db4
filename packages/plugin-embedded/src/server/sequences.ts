// The sequences of a context, each for one conversation; requests wait for a free one.
import type { Sequence, Token } from './binding.js';

interface Waiter {
  readonly tokens: readonly Token[];
  readonly take: (sequence: Sequence) => void;
}

/** All sequences of a context. */
export class Sequences {
  private readonly free: Set<Sequence>;
  private readonly waiting: Waiter[] = [];

  constructor(private readonly all: readonly Sequence[]) {
    this.free = new Set(all);
  }

  /** How many are in use. */
  get busy(): number {
    return this.all.length - this.free.size;
  }

  get total(): number {
    return this.all.length;
  }

  /** Tokens in one sequence. */
  get contextLength(): number {
    return this.all[0]!.contextSize;
  }

  /**
   * Does some work on the free sequence that already holds most of these tokens' beginning: that part is not computed
   * again.
   * @throws the signal's reason; what `work` throws, and then the sequence is cleared, for nobody knows what it holds
   */
  async use<T>(tokens: readonly Token[], signal: AbortSignal, work: (sequence: Sequence) => Promise<T>): Promise<T> {
    const sequence = await this.take(tokens, signal);
    try {
      signal.throwIfAborted();
      return await work(sequence);
    } catch (error) {
      if (!signal.aborted) await sequence.clearHistory().catch(() => undefined);
      throw error;
    } finally {
      this.giveBack(sequence);
    }
  }

  private take(tokens: readonly Token[], signal: AbortSignal): Promise<Sequence> {
    signal.throwIfAborted();
    const sequence = this.best(tokens);
    if (sequence !== undefined) {
      this.free.delete(sequence);
      return Promise.resolve(sequence);
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        tokens,
        take: (given) => {
          signal.removeEventListener('abort', leave);
          resolve(given);
        },
      };
      const leave = () => {
        this.waiting.splice(this.waiting.indexOf(waiter), 1);
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.waiting.push(waiter);
    });
  }

  private best(tokens: readonly Token[]): Sequence | undefined {
    const known = [...this.free].map((sequence) => ({
      sequence,
      length: sequence.compareContextTokens(tokens).firstDifferentIndex,
    }));
    return known.sort((a, b) => b.length - a.length)[0]?.sequence;
  }

  private giveBack(sequence: Sequence): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free.add(sequence);
    else next.take(sequence);
  }
}
