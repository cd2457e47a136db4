// The journal of running engines on disk: with it, the next Lamina finds what a killed one and its guard left behind.
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
  /** When it started, see `startOf`: a pid is used again, a pid and a start are not. */
  readonly started: string;
  readonly model: string;
}

/** What a journal file says. */
export interface JournalContent {
  /** The Lamina that wrote it; see `ownerMark`. */
  readonly owner: string;
  readonly processes: readonly JournalEntry[];
}

/**
 * The engines of this Lamina, on disk whenever that changes. Written at once and whole: a kill may come at any moment.
 */
export class Journal {
  private readonly entries = new Map<number, JournalEntry>();

  constructor(
    private readonly path: string,
    private readonly log: Logger,
  ) {}

  /** What the file says now; nothing when there is none, or none that can be understood. */
  read(): JournalContent {
    const nothing = { owner: '', processes: [] };
    try {
      const content: unknown = JSON.parse(readFileSync(this.path, 'utf8'));
      if (check(journalSchema, content).length === 0) return content as JournalContent;
      this.log.warn({ path: this.path }, 'The journal of engines is not what Lamina writes; it is ignored');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.log.warn(
          { path: this.path, error: reasonOf(error) },
          'The journal of engines cannot be read; it is ignored',
        );
    }
    return nothing;
  }

  add(pid: number, model: string): void {
    this.attempt(() => {
      const started = startOf(pid);
      if (started === undefined) return; // It has ended already.
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

  /** That it fails must not keep an engine from starting: the guard is there all the same. */
  private attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.log.warn({ path: this.path, error: reasonOf(error) }, 'The journal of engines cannot be written');
    }
  }
}
