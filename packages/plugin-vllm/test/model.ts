// Models as core passes them to the backend, for tests; their files need not exist.
import type { FileRole, Model, ModelFile } from '@lamina/core/plugin';

export function modelOf(parts: Partial<Model> = {}): Model {
  return {
    name: 'org/tiny:fp8',
    files: [file('weights', '/models/tiny')],
    format: 'safetensors',
    aliases: [],
    options: {},
    pinned: false,
    limits: {},
    from: 'manifest',
    ...parts,
  };
}

export function file(role: FileRole, path: string, bytes = 1): ModelFile {
  return { role, path, bytes };
}
