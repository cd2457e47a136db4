// The running engines, recorded on disk: the next Lamina finds what a killed one and its guard left running.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { reasonOf } from '../kernel/reason.js';
import type { Logger } from '../contract/context.js';
import { writeFileAtomicSync } from '../kernel/atomic-write.js';
import { check } from '../kernel/check.js';
import { ownerMark, startOf } from './process-table.js';

const journalSchema = {
  type: 'object',
  properties: {
    owner: { type: 'string' },
    processes: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          pid: { type: 'integer', minimum: 2 },
          started: { type: 'string', minLength: 1 },
          model: { type: 'string' },
        },
        required: ['pid', 'started', 'model'],
      },
    },
  },
  required: ['owner', 'processes'],
} as const;

/** The leader of an engine's process group. */
export interface JournalEntry {
  readonly pid: number;
  /** When it started, see `startOf`: a pid is reused, a pid with its start time is not. */
  readonly started: string;
  readonly model: string;
}

/** The content of the file. */
export interface JournalContent {
  /** The Lamina that wrote it; see `ownerMark`. */
  readonly owner: string;
  readonly processes: readonly JournalEntry[];
}

/** The engines of this Lamina. Each change is written synchronously and atomically: a kill can come at any moment. */
export class ProcessJournal {
  private readonly entries = new Map<number, JournalEntry>();

  constructor(
    private readonly path: string,
    private readonly log: Logger,
  ) {}

  /** The recorded engines; none when the file is missing or not valid. */
  read(): JournalContent {
    const nothing = { owner: '', processes: [] };
    try {
      const content: unknown = JSON.parse(readFileSync(this.path, 'utf8'));
      if (check(journalSchema, content).length === 0) return content as JournalContent;
      this.log.warn({ path: this.path }, 'The record of engine processes is not valid; ignoring it');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.log.warn(
          { path: this.path, error: reasonOf(error) },
          'Cannot read the record of engine processes; ignoring it',
        );
    }
    return nothing;
  }

  add(pid: number, model: string): void {
    this.attempt(() => {
      const started = startOf(pid);
      if (started === undefined) return; // It has already ended.
      this.entries.set(pid, { pid, started, model });
      this.replace();
    });
  }

  remove(pid: number): void {
    if (this.entries.delete(pid)) this.write();
  }

  /** Replaces the file. */
  write(): void {
    this.attempt(() => this.replace());
  }

  private replace(): void {
    mkdirSync(dirname(this.path), { recursive: true });
    const content: JournalContent = { owner: ownerMark(), processes: [...this.entries.values()] };
    writeFileAtomicSync(this.path, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
  }

  /** A failure must not keep an engine from starting: the guard works without the journal. */
  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.warn({ path: this.path, error: reasonOf(error) }, 'Cannot write the record of engine processes');
    }
  }
}
