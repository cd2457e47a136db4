// Where a manifest is stored: in a file that people own, or in memory.
import { join, resolve } from 'node:path';
import { LaminaError } from '../../contract/errors.js';
import type { Manifest, ModelEntry } from '../../contract/manifest.js';
import { checkManifest, withEntry, type Edit, type ManifestReading } from './manifest.js';
import type { EntryKeys } from './entry-keys.js';
import { ManifestFile } from './file.js';
import { sentence } from './diagnostics.js';
import { crossEntryProblems, entryProblems, jsonProblems } from './rules.js';

/** A manifest that can be read and changed. */
export interface ManifestStore {
  /** The file, if it is one. */
  readonly path?: string;
  /** The manifest as it is now; the same object while nothing changed. @throws LaminaError `CONFIG_INVALID` */
  read(): Promise<ManifestReading>;
  /** @throws LaminaError `CONFLICT`, `CONFIG_INVALID`; nothing is changed then */
  edit(edit: Edit): Promise<unknown>;
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
  if (problems.length === 0) problems = crossEntryProblems(withEntry(manifest, name, entry).models);
  if (problems.length > 0) throw new LaminaError('REQUEST_INVALID', { message: problems.map(sentence).join('\n') });
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

  async edit({ name, entry }: Edit): Promise<void> {
    this.reading = checkManifest(withEntry((await this.read()).manifest, name, entry), this.keys);
  }
}
