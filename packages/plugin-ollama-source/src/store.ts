// Finds models in an Ollama store, so that they are used in place. llama.cpp opens blobs although their names do not
// end in .gguf.
import { opendir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context, Model, ModelFile } from '@lamina/core/plugin';
import { readManifest, type Layer } from './manifest.js';
import { nameOf, shown, type Name } from './name.js';
import { readLayers } from './package.js';
import { startOptions } from './parameters.js';
import type { RequestDefaults } from './request-defaults.js';

const maxTextBytes = 4 * 1024 * 1024;

/** Yields every complete model of the stores, named as in `ollama list`. The first store that has a model wins. */
export async function* adoptStore(
  stores: readonly string[],
  defaults: Map<string, RequestDefaults>,
  context: Context,
): AsyncIterable<Model> {
  const seen = new Set<string>();
  for (const store of stores) {
    for await (const name of namesIn(join(store, 'manifests'), [], context)) {
      context.signal.throwIfAborted();
      if (seen.has(shown(name))) continue;
      const models = await modelsOf(store, name, defaults, context);
      if (models.length > 0) seen.add(shown(name));
      yield* models;
    }
  }
}

/** `manifests/<host>/<namespace>/<model>/<tag>`. */
async function* namesIn(directory: string, parts: readonly string[], context: Context): AsyncIterable<Name> {
  const names: string[] = [];
  try {
    for await (const entry of await opendir(directory)) names.push(entry.name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      context.log.warn(
        { directory, reason: code },
        'No permission to read this Ollama store; add the user of Lamina to the group of Ollama',
      );
    return;
  }
  for (const name of names.filter((one) => !one.startsWith('.')).sort()) {
    const path = [...parts, name];
    if (path.length < 4) yield* namesIn(join(directory, name), path, context);
    else {
      const [host, namespace, model, tag] = path;
      const parsed = nameOf(`ollama:${host}/${namespace}/${model}:${tag}`);
      if (parsed !== undefined) yield parsed;
    }
  }
}

/** One model; with an adapter two, because an adapter is a model of its own that shares the process of its base. */
async function modelsOf(
  store: string,
  name: Name,
  defaults: Map<string, RequestDefaults>,
  { log }: Context,
): Promise<readonly Model[]> {
  const { host, namespace, model, tag } = name;
  try {
    const manifest = readManifest(await readSmall(join(store, 'manifests', host, namespace, model, tag)), name);
    const { weights, projector, adapters, parameters, system } = await readLayers(manifest, name, (layer) =>
      readSmall(blobPath(store, layer)),
    );
    if (adapters.length > 1) throw new Error('it has several adapters');
    const files = [
      ...(await filesOf(store, 'weights', weights)),
      ...(await filesOf(store, 'projector', projector === undefined ? [] : [projector])),
    ];
    const adapterFiles = await filesOf(store, 'adapter', adapters);
    defaults.set(shown(name), { parameters, ...(system === undefined ? {} : { system }) });
    const complete = adopted(shown(name), tag, files, startOptions(parameters));
    if (adapterFiles.length === 0) return [complete];
    const base = { ...complete, name: `${shown(name)}/base`, aliases: [] };
    return [base, { ...complete, files: adapterFiles, options: {}, base: base.name }];
  } catch (error) {
    log.debug(
      { model: shown(name), reason: error instanceof Error ? error.message : String(error) },
      'A model of the Ollama store is skipped',
    );
    return [];
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
      const { size } = await stat(path);
      if (size !== layer.size) throw new Error(`${path} has ${size} of ${layer.size} bytes`);
      return { role, path, bytes: size };
    }),
  );
}

function adopted(name: string, tag: string, files: readonly ModelFile[], options: Model['options']): Model {
  const aliases = tag === 'latest' ? [name.slice(0, -':latest'.length)] : [];
  return { name, files, format: 'gguf', aliases, options, pinned: false, limits: {}, from: 'adopted' };
}

function blobPath(store: string, { digest }: Layer): string {
  return join(store, 'blobs', digest.replace(':', '-'));
}

async function readSmall(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > maxTextBytes) throw new Error(`${path} has ${size} bytes, too many for a manifest or a small layer`);
  return readFile(path, 'utf8');
}
