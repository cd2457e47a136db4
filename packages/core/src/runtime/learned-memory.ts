// What models took when they ran, remembered across restarts of Lamina.
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { writeFileAtomic } from '../kernel/atomic-write.js';
import { isMapping, parseJson } from '../kernel/json.js';
import { reasonOf } from '../kernel/reason.js';
import { isShortage } from '../kernel/shortage.js';

const version = 1;
const mostEntries = 1_000;
const forgetAfterMs = 90 * 24 * 60 * 60 * 1000;
/** How much of the gap to what was seen a run without a new maximum takes away. */
const stepDown = 0.1;
/** What stays above the most that was ever seen. */
const margin = 1.1;
/** What a model that was killed for memory is given next time, relative to what it had. */
const afterKill = 1.25;

/** What is known of one model with one set of options. */
interface Learned {
  /** System memory to reserve, in bytes. */
  readonly need: number;
  /** The most that was seen, in bytes. */
  readonly peak: number;
  /** When it last ran, milliseconds since the epoch. */
  readonly at: number;
}

/** What distinguishes one start from another: files, engine and options. */
export type LearnedKey = string;

/** Learns what models really take: more at once, less slowly. */
export class LearnedMemory {
  private readonly entries = new Map<LearnedKey, Learned>();
  private readonly file: string;
  private saving = Promise.resolve();

  constructor(
    { dataDir }: Config,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    this.file = join(dataDir, 'memory.json');
  }

  /** Reads what earlier runs have learned. A file that cannot be used counts as empty, and the next save replaces it. */
  async load(): Promise<void> {
    const since = this.clock.date().getTime() - forgetAfterMs;
    for (const entry of await this.read()) {
      const [key, learned] = Array.isArray(entry) ? (entry as unknown[]) : [];
      if (typeof key === 'string' && isLearned(learned) && learned.at >= since && !this.entries.has(key))
        this.entries.set(key, learned);
    }
  }

  /** The key for anything that JSON can hold. */
  keyOf(parts: readonly unknown[]): LearnedKey {
    return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
  }

  /**
   * System memory that a start needs by what was seen, in bytes; `undefined` when it was never seen. What is added to be
   * safe does not make it need more than `most`, which is all that it could get.
   */
  need(key: LearnedKey, most: number): number | undefined {
    const learned = this.entries.get(key);
    return learned === undefined ? undefined : Math.max(learned.peak, Math.min(learned.need, most));
  }

  /** A run has ended that had `reserved` bytes and took at most `peak`. */
  record(key: LearnedKey, { reserved, peak }: { reserved: number; peak: number }): void {
    const before = this.entries.get(key);
    const most = Math.max(peak, before?.peak ?? 0);
    const need = before?.need ?? reserved;
    const floor = most * margin;
    this.keep(key, { need: Math.round(Math.max(floor, need - stepDown * Math.max(0, need - floor))), peak: most });
  }

  /** The system killed it for lack of memory, although it had `reserved` bytes. */
  killed(key: LearnedKey, reserved: number): void {
    const { need = 0, peak = 0 } = this.entries.get(key) ?? {};
    this.keep(key, { need: Math.round(Math.max(need, reserved) * afterKill), peak });
  }

  /** Resolves when everything is on disk. */
  async close(): Promise<void> {
    await this.saving;
  }

  private async read(): Promise<readonly unknown[]> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      if (isShortage(error)) throw error;
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.warnOfUnusable(reasonOf(error));
      return [];
    }
    const content = parseJson(text);
    if (isMapping(content) && content['version'] === version && Array.isArray(content['entries']))
      return content['entries'] as unknown[];
    this.warnOfUnusable('its content is not valid');
    return [];
  }

  private warnOfUnusable(reason: string): void {
    this.log.warn({ file: this.file, reason }, 'What models took before cannot be read; ignoring it');
  }

  private keep(key: LearnedKey, learned: Omit<Learned, 'at'>): void {
    this.entries.delete(key); // So that the newest are last.
    this.entries.set(key, { ...learned, at: this.clock.date().getTime() });
    if (this.entries.size > mostEntries) this.entries.delete(this.entries.keys().next().value!);
    this.saving = this.saving.then(() => this.save());
  }

  private async save(): Promise<void> {
    try {
      await mkdir(dirname(this.file), { recursive: true });
      await writeFileAtomic(this.file, JSON.stringify({ version, entries: [...this.entries] }));
    } catch (error) {
      this.log.warn({ file: this.file, reason: reasonOf(error) }, 'What models took cannot be saved');
    }
  }
}

function isLearned(value: unknown): value is Learned {
  return isMapping(value) && ['need', 'peak', 'at'].every((name) => Number.isFinite(value[name]));
}
