// What is known of a download on disk, beside its parts: plain JSON without secrets, from which the next Lamina goes on.
import { open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { WireError } from '../contract/errors.js';
import type { DownloadPlan } from '../contract/source.js';
import { check } from '../kernel/check.js';
import type { Version } from './transfer/answer.js';
import type { Range } from './transfer/ranges.js';

const name = 'journal.json';

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
  /** The data directory of the Lamina whose download it is: another one that shares the models directory leaves it alone. */
  readonly owner: string;
  readonly model: string;
  readonly remote: boolean;
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
    remote: { type: 'boolean' },
    plan: { type: 'object', required: ['source', 'reference', 'model', 'files'], properties: { source: string, model: { type: 'object' }, files: { type: 'array', items: { type: 'object' } }, reference: {} } },
    createdAt: string,
    state: { enum: ['active', 'paused', 'failed'] },
    error: { type: 'object' },
    files: { type: 'array', items: recordSchema },
  },
  required: ['format', 'id', 'owner', 'model', 'remote', 'plan', 'createdAt', 'state', 'files'],
} as const;

/** Replaces the journal in a folder; when it resolves, it would survive the loss of power. */
export async function writeJournal(folder: string, journal: Journal): Promise<void> {
  const draft = join(folder, `${name}.new`);
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(journal, undefined, 1)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, join(folder, name));
  await syncDirectory(folder);
}

/** The journals below a folder, oldest first; `unreadable` is called for each folder that cannot be read, or has no journal that can be understood. */
export async function readJournals(folder: string, unreadable: (path: string) => void): Promise<readonly Journal[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') unreadable(folder);
    return [];
  });
  const journals: Journal[] = [];
  for (const entry of entries) {
    const text = await readFile(join(folder, entry, name), 'utf8').catch(() => '');
    const journal = parse(text);
    if (journal === undefined || journal.id !== entry || journal.files.length !== journal.plan.files.length) unreadable(join(folder, entry));
    else journals.push(journal);
  }
  return journals.sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

/** Makes the names in a directory survive the loss of power, where the system can. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function parse(text: string): Journal | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return check(journalSchema, value).length === 0 ? (value as Journal) : undefined;
  } catch {
    return undefined;
  }
}
