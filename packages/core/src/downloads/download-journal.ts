// The journal of a download: JSON without secrets beside its part files, from which it resumes after a restart.
import { readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { WireError } from '../contract/errors.js';
import type { AddressGuard, DownloadPlan } from '../contract/source.js';
import { removeTemporaryFiles, writeFileAtomic } from '../kernel/atomic-write.js';
import { check } from '../kernel/check.js';
import type { ByteRange } from './transfer/pieces.js';
import type { FileVersion } from './transfer/response.js';

const journalName = 'journal.json';
/** The suffix of a folder that is being deleted. */
const removedSuffix = '.removed';

/** The state of one file. */
export interface FileRecord {
  /** The version that the bytes in the part file belong to. */
  version: FileVersion;
  /** The ranges that are in the part file. */
  held: readonly ByteRange[];
  /** Set once the file is complete and checked. Empty for a file that is used in place without a known digest. */
  sha256?: string;
}

/** The persistent state of one download. */
export interface DownloadJournal {
  readonly format: 1;
  readonly id: string;
  /** The data directory of the Lamina that owns the download; others with the same models directory ignore it. */
  readonly owner: string;
  readonly model: string;
  /** The addresses it may connect to; default any. */
  readonly guard?: AddressGuard;
  readonly plan: DownloadPlan;
  readonly createdAt: string;
  /** Queued and active downloads resume after a restart. */
  state: 'queued' | 'active' | 'paused' | 'failed';
  /** The owner of the data directory that last started it. If that one is gone, it is neither queued nor active. */
  runner?: string | undefined;
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
    state: { enum: ['queued', 'active', 'paused', 'failed'] },
    runner: string,
    error: { type: 'object' },
    files: { type: 'array', items: recordSchema },
  },
  required: ['format', 'id', 'owner', 'model', 'plan', 'createdAt', 'state', 'files'],
} as const;

/**
 * The state of a download whose journal was just read. Nobody runs one of an owner that is gone: it is queued if this
 * Lamina resumes it, else paused.
 */
export function stateOf(
  { state, runner }: DownloadJournal,
  liveRunner: string | undefined,
  resumes: boolean,
): DownloadJournal['state'] {
  const isRunning = runner !== undefined && runner === liveRunner;
  if (isRunning || state === 'paused' || state === 'failed') return state;
  return resumes ? 'queued' : 'paused';
}

/** Replaces the journal in a folder. When it resolves, the journal survives a loss of power. */
export async function writeJournal(folder: string, journal: DownloadJournal): Promise<void> {
  const text = `${JSON.stringify(journal, undefined, 1)}\n`;
  await writeFileAtomic(join(folder, journalName), text, { mode: 0o600, durable: true });
}

/** Deletes the folder of a download. It is renamed first, so that the next start can finish an interrupted deletion. */
export async function removeFolder(folder: string): Promise<void> {
  const leaving = folder.endsWith(removedSuffix) ? folder : `${folder}${removedSuffix}`;
  if (leaving !== folder) {
    await rename(folder, leaving).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await rm(leaving, { recursive: true, force: true });
}

/** Reads the journals below a folder, oldest first. Calls `onUnreadable` for each folder without a valid journal. */
export async function readJournals(
  folder: string,
  onUnreadable: (path: string) => void,
): Promise<readonly DownloadJournal[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') onUnreadable(folder);
    return [];
  });
  const journals: DownloadJournal[] = [];
  for (const entry of entries) {
    const path = join(folder, entry);
    const journal = parse(await readFile(join(path, journalName), 'utf8').catch(() => ''));
    if (journal?.id === entry && journal.files.length === journal.plan.files.length) journals.push(journal);
    else onUnreadable(path);
  }
  return journals.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

/** Deletes what killed processes have left below a folder: folders being deleted, and those without a journal yet. */
export async function removeLeftovers(folder: string): Promise<void> {
  const entries = await readdir(folder).catch(() => []);
  for (const entry of entries) {
    const path = join(folder, entry);
    if (entry.endsWith(removedSuffix))
      await removeFolder(path).catch(() => undefined); // A later start can write here.
    else {
      await removeTemporaryFiles(path);
      await rmdir(path).catch(() => undefined); // Only empty folders are removed.
    }
  }
}

function parse(text: string): DownloadJournal | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (check(journalSchema, value).length > 0) return undefined;
    const { remote, ...journal } = value as DownloadJournal & { readonly remote?: boolean };
    return remote === true ? { ...journal, guard: 'public' } : journal; // The format of earlier versions.
  } catch {
    return undefined;
  }
}
