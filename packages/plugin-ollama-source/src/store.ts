// Reads an Ollama store: `manifests/<host>/<namespace>/<model>/<tag>` and `blobs/sha256-<digest>`.
import { opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelFile } from '@lamina/core/plugin';
import { readManifest, type Layer } from './manifest.js';
import { nameOf, type Name } from './name.js';
import { readLayers, type StoredPackage } from './package.js';

const maxTextBytes = 4 * 1024 * 1024;

/** A model of a store, or why it cannot be used. */
export type StoredModel = { readonly name: Name } & (
  | {
      readonly pack: StoredPackage;
      /** Weights and projector. */
      readonly files: readonly ModelFile[];
      readonly adapters: readonly ModelFile[];
      readonly problem?: never;
    }
  | { readonly problem: string }
);

/**
 * Yields the models of a store, sorted by name; nothing when it does not exist.
 * @throws an Error with the code `EACCES` or `EPERM` when a directory cannot be read
 */
export async function* readStore(store: string, signal: AbortSignal): AsyncIterable<StoredModel> {
  for await (const name of namesIn(join(store, 'manifests'), [])) {
    signal.throwIfAborted();
    yield await readModel(store, name);
  }
}

async function* namesIn(directory: string, parts: readonly string[]): AsyncIterable<Name> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(directory)) names.push(entry.name);
  } catch (error) {
    if (isDenied(error)) throw error;
    return;
  }
  for (const name of names.filter((one) => !one.startsWith('.')).sort()) {
    const path = [...parts, name];
    if (path.length < 4) yield* namesIn(join(directory, name), path);
    else {
      const [host, namespace, model, tag] = path;
      const parsed = nameOf(`ollama:${host}/${namespace}/${model}:${tag}`);
      if (parsed !== undefined) yield parsed;
    }
  }
}

async function readModel(store: string, name: Name): Promise<StoredModel> {
  const { host, namespace, model, tag } = name;
  try {
    const manifest = readManifest(await readSmall(join(store, 'manifests', host, namespace, model, tag)), name);
    const pack = await readLayers(manifest, name, (layer) => readSmall(blobPath(store, layer)));
    const { weights, projector, adapters } = pack;
    if (adapters.length > 1) throw new Error('it has several adapters');
    const files = [
      ...(await filesOf(store, 'weights', weights)),
      ...(await filesOf(store, 'projector', projector === undefined ? [] : [projector])),
    ];
    return { name, pack, files, adapters: await filesOf(store, 'adapter', adapters) };
  } catch (error) {
    return { name, problem: error instanceof Error ? error.message : String(error) };
  }
}

async function filesOf(
  store: string,
  role: ModelFile['role'],
  layers: readonly Layer[],
): Promise<readonly ModelFile[]> {
  return Promise.all(
    layers.map(async (layer) => {
      const path = blobPath(store, layer);
      const { size } = await stat(path).catch(() => {
        throw new Error(`its file ${path} cannot be read; run "ollama pull" again`);
      });
      if (size !== layer.size)
        throw new Error(`its file ${path} has ${size} of ${layer.size} bytes; run "ollama pull" again`);
      return { role, path, bytes: size };
    }),
  );
}

/** Whether the user may not read a directory. */
export function isDenied(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function blobPath(store: string, { digest }: Layer): string {
  return join(store, 'blobs', digest.replace(':', '-'));
}

async function readSmall(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > maxTextBytes) throw new Error(`${path} has ${size} bytes, too many for a manifest or a small layer`);
  return readFile(path, 'utf8');
}
