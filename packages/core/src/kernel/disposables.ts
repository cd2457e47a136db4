// What was opened, closed in reverse: each step bounded in time, failures gathered instead of stopping the rest.
import { withTimeout } from './abort.js';
import { reasonOf } from './reason.js';
import type { Logger } from '../contract/context.js';

interface Entry {
  readonly name: string;
  readonly budgetMs: number;
  readonly dispose: () => void | Promise<void>;
}

/** A stack of things to close. */
export class Disposables {
  private readonly entries: Entry[] = [];

  constructor(private readonly log: Logger) {}

  /**
   * Adds a step that runs before all that were added earlier. One that takes longer than its budget (default 5 s) is
   * left behind.
   */
  add(name: string, dispose: () => void | Promise<void>, budgetMs = 5_000): void {
    this.entries.push({ name, budgetMs, dispose });
  }

  /** Runs every step once, last added first. Never rejects: what fails or takes too long is logged. */
  async dispose(): Promise<void> {
    for (let entry = this.entries.pop(); entry !== undefined; entry = this.entries.pop()) await this.close(entry);
  }

  private async close({ name, budgetMs, dispose }: Entry): Promise<void> {
    const tooLong = () => new Error(`took longer than ${budgetMs} ms`);
    try {
      await withTimeout(new AbortController().signal, budgetMs, tooLong, () => dispose());
    } catch (error) {
      this.log.warn({ step: name, reason: reasonOf(error) }, 'A step of the shutdown failed');
    }
  }
}
