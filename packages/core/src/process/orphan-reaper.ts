// Keeps the process groups of engines: a guard process for when Lamina dies, a journal for when the guard dies too.
import { join } from 'node:path';
import type { Disposable, Logger } from '../contract/context.js';
import type { OrphanReaper as Contract } from '../contract/processes.js';
import { Guard } from './guard.js';
import { Journal, type JournalContent, type JournalEntry } from './journal.js';
import { groupBelongsTo, groupIsGone, killGroup, signalGroup, startOf, untilGroupIsGone } from './process-table.js';

const politeMs = 2_000;

/** The process keeper of one data directory, whose lock its Lamina must own. */
export class OrphanReaper implements Contract, Disposable {
  private readonly guardian: Guard;
  private readonly journal: Journal;
  private readonly log: Logger;

  constructor({ dataDir, log }: { dataDir: string; log: Logger }) {
    this.log = log;
    this.guardian = new Guard(log);
    this.journal = new Journal(join(dataDir, 'processes.json'), log);
  }

  /** The pid of the guard process, while there is one. */
  get guardPid(): number | undefined {
    return this.guardian.pid;
  }

  guard(pid: number, { model }: { model: string }): () => void {
    this.guardian.add(pid);
    this.journal.add(pid, model);
    this.log.debug({ event: 'process.started', pid, model }, `Process ${pid} runs for model "${model}"`);
    return () => {
      this.log.debug({ event: 'process.ended', pid, model }, `Process ${pid} of model "${model}" has ended`);
      this.guardian.remove(pid);
      this.journal.remove(pid);
    };
  }

  /**
   * Ends the engines an earlier Lamina of this data directory left running, and answers how many there were. Call it
   * before the first `guard`. A process that cannot be proved to be one of them is never touched.
   */
  async clearLeftovers(): Promise<number> {
    const content = this.journal.read();
    const cleared = await Promise.all(content.processes.map((entry) => this.clear(entry, content)));
    this.journal.write();
    return cleared.filter(Boolean).length;
  }

  /** Ends the guard process, and every engine that is still running. */
  async dispose(): Promise<void> {
    await this.guardian.close();
  }

  private async clear(entry: JournalEntry, { owner }: JournalContent): Promise<boolean> {
    const { pid, model } = entry;
    if (!(await isLeftover(entry, owner))) return false;
    this.log.warn({ pid, model }, 'An engine of an earlier Lamina is still running; it is ended');
    signalGroup(pid, 'SIGTERM');
    if (!(await untilGroupIsGone(pid, politeMs))) await killGroup(pid);
    return true;
  }
}

/**
 * The leader is the very process that was written down; or it is gone, and all that is left of its group carries the
 * mark of its Lamina.
 */
async function isLeftover({ pid, started }: JournalEntry, owner: string): Promise<boolean> {
  const start = startOf(pid);
  if (start !== undefined) return start === started;
  return !(await groupIsGone(pid)) && (await groupBelongsTo(owner, pid));
}
