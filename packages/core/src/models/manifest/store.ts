// Where a manifest is kept: a file that people own, or data that a host gave.
import { dirname, join, resolve } from 'node:path';
import { LaminaError } from '../../contract/errors.js';
import type { Manifest, ModelEntry } from '../../contract/manifest.js';
import { checkManifest, withEntry, type Edit, type ManifestReading } from './manifest.js';
import { ManifestFile } from './file.js';
import type { ManifestMemory } from './memory.js';
import { sentence } from './notes.js';
import { entryProblems, entryShapeProblems, jsonProblems, togetherProblems } from './rules.js';

/** A manifest that can be read and changed. */
export interface ManifestStore {
  /** The file, if it is one. */
  readonly path?: string;
  /** The directory to watch for changes of it. */
  readonly directory?: string;
  /** The manifest as it is now; the same object while nothing changed. @throws LaminaError `CONFIG_INVALID` */
  read(): Promise<ManifestReading>;
  /** @throws LaminaError `CONFLICT`, `CONFIG_INVALID`; nothing is changed then */
  edit(edit: Edit): Promise<void>;
  close(): Promise<void>;
}

/** The manifest of a configuration: a path, data, or `models.yaml` in the models directory, which may be absent. */
export function openManifest(
  configured: string | Partial<Manifest> | undefined,
  modelsDir: string,
  memory: ManifestMemory,
): ManifestStore {
  if (typeof configured === 'object') return new ManifestData(configured);
  const path = configured === undefined ? join(modelsDir, 'models.yaml') : resolve(configured);
  const file = new ManifestFile(path, configured === undefined, memory);
  return {
    path,
    directory: dirname(path),
    read: () => file.read(),
    edit: async (edit) => void (await file.edit(edit)),
    close: () => file.close(),
  };
}

/** @throws LaminaError `REQUEST_INVALID` when the manifest could not have this entry */
export function checkEntry(manifest: Manifest, name: string, entry: ModelEntry): void {
  const models = withEntry(manifest, name, entry).models;
  const unwritable = jsonProblems(entry, ['models', name]);
  const shape = unwritable.length > 0 ? unwritable : entryShapeProblems(name, entry);
  const problems = shape.length > 0 ? shape : [...entryProblems(name, entry), ...togetherProblems(models)];
  if (problems.length > 0) throw new LaminaError('REQUEST_INVALID', { message: problems.map(sentence).join('\n') });
}

/** A manifest in memory; edits last as long as it does. */
class ManifestData implements ManifestStore {
  private reading: ManifestReading | undefined;

  constructor(private data: Partial<Manifest>) {}

  read(): Promise<ManifestReading> {
    return Promise.resolve().then(() => (this.reading ??= checkManifest(this.data)));
  }

  async edit({ name, entry }: Edit): Promise<void> {
    const data = withEntry((await this.read()).manifest, name, entry);
    this.reading = checkManifest(data);
    this.data = data;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
