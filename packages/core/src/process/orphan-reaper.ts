// Ends engines that outlive their Lamina: a guard process for when Lamina dies, a journal for when the guard dies too.
import { join } from 'node:path';
import type { Disposable, Logger } from '../contract/context.js';
import type { OrphanReaper as Contract } from '../contract/processes.js';
import { Guard } from './guard.js';
import { ProcessJournal, type JournalContent, type JournalEntry } from './process-journal.js';
import { groupBelongsTo, groupIsGone, killGroup, signalGroup, startOf, untilGroupIsGone } from './process-table.js';

const terminateMs = 2_000;

/** The orphan reaper of one data directory. The Lamina must hold the lock of that directory. */
export class OrphanReaper implements Contract, Disposable {
  private readonly guardProcess: Guard;
  private readonly journal: ProcessJournal;
  private readonly log: Logger;

  constructor({ dataDir, log }: { dataDir: string; log: Logger }) {
    this.log = log;
    this.guardProcess = new Guard(log);
    this.journal = new ProcessJournal(join(dataDir, 'processes.json'), log);
  }

  /** The pid of the guard process, while one runs. */
  get guardPid(): number | undefined {
    return this.guardProcess.pid;
  }

  guard(pid: number, { model }: { model: string }): () => void {
    this.guardProcess.add(pid);
    this.journal.add(pid, model);
    this.log.debug({ event: 'process.started', pid, model }, `Process ${pid} runs for model "${model}"`);
    return () => {
      this.log.debug({ event: 'process.ended', pid, model }, `Process ${pid} of model "${model}" has ended`);
      this.guardProcess.remove(pid);
      this.journal.remove(pid);
    };
  }

  /**
   * Ends the engines that an earlier Lamina of this data directory left running, and returns how many there were. Call
   * it before the first `guard`. A process that cannot be proved to be one of them is never touched.
   */
  async clearLeftovers(): Promise<number> {
    const content = this.journal.read();
    const cleared = await Promise.all(content.processes.map((entry) => this.clear(entry, content)));
    this.journal.write();
    return cleared.filter(Boolean).length;
  }

  /** Ends the guard process, and every engine that is still running. */
  async dispose(): Promise<void> {
    await this.guardProcess.close();
  }

  private async clear(entry: JournalEntry, { owner }: JournalContent): Promise<boolean> {
    const { pid, model } = entry;
    if (!(await isLeftover(entry, owner))) return false;
    this.log.warn({ pid, model }, 'Stopping an engine that an earlier Lamina left running');
    signalGroup(pid, 'SIGTERM');
    if (!(await untilGroupIsGone(pid, terminateMs))) await killGroup(pid);
    return true;
  }
}

/** True when the leader is the recorded process, or has ended and the rest of its group carries the owner mark. */
async function isLeftover({ pid, started }: JournalEntry, owner: string): Promise<boolean> {
  const start = startOf(pid);
  if (start !== undefined) return start === started;
  return !(await groupIsGone(pid)) && (await groupBelongsTo(owner, pid));
}
