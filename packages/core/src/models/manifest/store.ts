// Where a manifest is stored: in a file that people own, or in memory.
import { join, resolve } from 'node:path';
import { LaminaError } from '../../contract/errors.js';
import type { Manifest, ManifestEntries, ModelEntry } from '../../contract/manifest.js';
import { checkManifest, withEdit, type Edit, type ManifestReading } from './manifest.js';
import type { EntryKeys } from './entry-keys.js';
import { ManifestFile } from './file.js';
import { sentence } from './diagnostics.js';
import { reasonOf } from '../../kernel/reason.js';
import { crossEntryProblems, entryProblems, jsonProblems } from './rules.js';

/** In the order in which they are written: backends before the models that name them. */
const sections = ['backends', 'models', 'groups'] as const;

/** A manifest that can be read and changed. */
export interface ManifestStore {
  /** The file, if it is one. */
  readonly path?: string;
  /** The manifest as it is now; the same object while nothing changed. @throws LaminaError `CONFIG_INVALID` */
  read(): Promise<ManifestReading>;
  /** Makes all edits, in this order. @throws LaminaError `CONFLICT`, `CONFIG_INVALID`; nothing is changed then */
  edit(...edits: readonly Edit[]): Promise<unknown>;
}

/** The manifest of a configuration: a path, data, or `models.yaml` in the models directory, which may be absent. */
export function openManifest(
  configured: string | Partial<Manifest> | undefined,
  modelsDir: string,
  keys: EntryKeys,
): ManifestStore {
  if (typeof configured === 'object') return new MemoryManifest(configured, keys);
  const path = configured === undefined ? join(modelsDir, 'models.yaml') : resolve(configured);
  return new ManifestFile(path, configured === undefined, keys);
}

/** @throws LaminaError `REQUEST_INVALID` when the manifest could not have this entry */
export function checkEntry(manifest: Manifest, name: string, entry: ModelEntry, keys: EntryKeys): void {
  let problems = jsonProblems(entry, ['models', name]);
  if (problems.length === 0) problems = entryProblems(name, entry, keys);
  if (problems.length === 0) problems = crossEntryProblems(withEdit(manifest, { name, entry }).models);
  if (problems.length > 0) throw new LaminaError('REQUEST_INVALID', { message: problems.map(sentence).join('\n') });
}

/**
 * The edits that add these entries.
 * @throws LaminaError `CONFLICT` when the manifest has one of these names, `REQUEST_INVALID` when it could not have an entry
 */
export function additionsTo(manifest: Manifest, added: ManifestEntries, keys: EntryKeys): readonly Edit[] {
  const edits = sections.flatMap((section) =>
    Object.entries<object>(added[section] ?? {}).map(([name, entry]) => ({ section, name, entry })),
  );
  const known = edits.find(({ section, name }) => Object.hasOwn(manifest[section], name));
  if (known !== undefined)
    throw new LaminaError('CONFLICT', { message: `"${known.section}" of the manifest has "${known.name}" already.` });
  try {
    checkManifest(edits.reduce(withEdit, manifest), keys);
  } catch (error) {
    throw new LaminaError('REQUEST_INVALID', { message: reasonOf(error) }, { cause: error });
  }
  return edits;
}

/** A manifest in memory; edits last as long as the process. */
class MemoryManifest implements ManifestStore {
  private reading: ManifestReading | undefined;

  constructor(
    private readonly data: Partial<Manifest>,
    private readonly keys: EntryKeys,
  ) {}

  read(): Promise<ManifestReading> {
    return Promise.resolve().then(() => (this.reading ??= checkManifest(this.data, this.keys)));
  }

  async edit(...edits: readonly Edit[]): Promise<void> {
    this.reading = checkManifest(edits.reduce(withEdit, (await this.read()).manifest), this.keys);
  }
}
