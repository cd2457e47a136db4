// Models as core passes them to a backend, for tests.
import { stat } from 'node:fs/promises';
import type { FileRole, Model, ModelFile, ModelMetadata } from '@lamina/core/plugin';

/** The properties that a test sets; the rest is as for any model of a manifest. */
export interface ModelParts {
  readonly name?: string;
  readonly files?: readonly ModelFile[];
  readonly metadata?: ModelMetadata;
  readonly base?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

export function modelOf(parts: ModelParts = {}): Model {
  return {
    name: 'tiny',
    files: [file('weights', '/models/tiny.gguf')],
    format: 'gguf',
    aliases: [],
    options: {},
    pinned: false,
    limits: {},
    from: 'manifest',
    ...parts,
  };
}

/** A file that need not exist. */
export function file(role: FileRole, path: string, bytes = 1): ModelFile {
  return { role, path, bytes };
}

/** A file on disk. */
export async function fileOnDisk(role: FileRole, path: string): Promise<ModelFile> {
  return { role, path, bytes: (await stat(path)).size };
}
