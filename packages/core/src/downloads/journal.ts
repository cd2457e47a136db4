// What is known of a download on disk, beside its parts: plain JSON without secrets, from which the next Lamina goes
// on.
import { readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { WireError } from '../contract/errors.js';
import type { AddressGuard, DownloadPlan } from '../contract/source.js';
import { removeTemporaryFiles, writeFileAtomic } from '../kernel/atomic-write.js';
import { check } from '../kernel/check.js';
import type { Version } from './transfer/answer.js';
import type { Range } from './transfer/ranges.js';

const name = 'journal.json';
/** What the name of a folder that is being deleted ends in. */
const removed = '.removed';

/** What the journal knows of one file. */
export interface FileRecord {
  /** What its source said of it. */
  version: Version;
  /** The bytes that are in its part. */
  held: readonly Range[];
  /** Set once all of it is here and checked. */
  sha256?: string;
}

/** One download on disk. */
export interface Journal {
  readonly format: 1;
  readonly id: string;
  /**
   * The data directory of the Lamina whose download it is: another one that shares the models directory leaves it
   * alone.
   */
  readonly owner: string;
  readonly model: string;
  /** Which addresses it may lead to; missing: any. */
  readonly guard?: AddressGuard;
  readonly plan: DownloadPlan;
  readonly createdAt: string;
  /** Whether it goes on by itself. */
  state: 'active' | 'paused' | 'failed';
  error?: WireError;
  readonly files: readonly FileRecord[];
}

const string = { type: 'string' } as const;
const recordSchema = {
  type: 'object',
  properties: {
    version: { type: 'object' },
    held: { type: 'array', items: { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 2, maxItems: 2 } },
    sha256: string,
  },
  required: ['version', 'held'],
} as const;
const journalSchema = {
  type: 'object',
  properties: {
    format: { const: 1 },
    id: string,
    owner: string,
    model: string,
    guard: { enum: ['public', 'loopback'] },
    remote: { type: 'boolean' },
    plan: {
      type: 'object',
      required: ['source', 'reference', 'model', 'files'],
      properties: {
        source: string,
        model: { type: 'object' },
        files: { type: 'array', items: { type: 'object' } },
        reference: {},
      },
    },
    createdAt: string,
    state: { enum: ['active', 'paused', 'failed'] },
    error: { type: 'object' },
    files: { type: 'array', items: recordSchema },
  },
  required: ['format', 'id', 'owner', 'model', 'plan', 'createdAt', 'state', 'files'],
} as const;

/** Replaces the journal in a folder; when it resolves, it would survive the loss of power. */
export async function writeJournal(folder: string, journal: Journal): Promise<void> {
  const text = `${JSON.stringify(journal, undefined, 1)}\n`;
  await writeFileAtomic(join(folder, name), text, { mode: 0o600, durable: true });
}

/**
 * Deletes the folder of a download. A kill in the middle leaves a folder that says by its name that it is to be
 * deleted.
 */
export async function removeFolder(folder: string): Promise<void> {
  const leaving = folder.endsWith(removed) ? folder : `${folder}${removed}`;
  if (leaving !== folder) {
    await rename(folder, leaving).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await rm(leaving, { recursive: true, force: true });
}

/**
 * The journals below a folder, oldest first; `unreadable` is called for each folder that cannot be read, or has no
 * journal that can be understood.
 */
export async function readJournals(folder: string, unreadable: (path: string) => void): Promise<readonly Journal[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') unreadable(folder);
    return [];
  });
  const journals: Journal[] = [];
  for (const entry of entries) {
    const path = join(folder, entry);
    const journal = parse(await readFile(join(path, name), 'utf8').catch(() => ''));
    if (journal?.id === entry && journal.files.length === journal.plan.files.length) journals.push(journal);
    else unreadable(path);
  }
  return journals.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

/**
 * Deletes what processes that were killed left below a folder: folders that were being deleted, or had no journal yet.
 */
export async function removeLeftovers(folder: string): Promise<void> {
  const entries = await readdir(folder).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry);
    if (entry.endsWith(removed)) await removeFolder(path);
    else {
      await removeTemporaryFiles(path);
      await rmdir(path).catch(() => undefined); // Anything but an empty folder stays.
    }
  }
}

function parse(text: string): Journal | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (check(journalSchema, value).length > 0) return undefined;
    const { remote, ...journal } = value as Journal & { readonly remote?: boolean };
    return remote === true ? { ...journal, guard: 'public' } : journal; // What earlier versions wrote.
  } catch {
    return undefined;
  }
}
