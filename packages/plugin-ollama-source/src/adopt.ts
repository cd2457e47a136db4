// Lists the models of Ollama stores, so that they are used in place. llama.cpp opens blobs although their names do not end
// in .gguf.
import type { Context, Model, ModelFile } from '@lamina/core/plugin';
import { shown, type Name } from './name.js';
import { startOptions } from './parameters.js';
import type { RequestDefaults } from './request-defaults.js';
import { isDenied, readStore, type StoredModel } from './store.js';

/** Yields every complete model of the stores, named as in `ollama list`. The first store that has a model wins. */
export async function* adoptStores(
  stores: readonly string[],
  defaults: Map<string, RequestDefaults>,
  { log, signal }: Context,
): AsyncIterable<Model> {
  const seen = new Set<string>();
  for (const store of stores) {
    try {
      for await (const model of readStore(store, signal)) {
        const name = shown(model.name);
        if (model.problem !== undefined)
          log.debug({ model: name, reason: model.problem }, 'A model of the Ollama store is skipped');
        if (model.problem !== undefined || seen.has(name)) continue;
        seen.add(name);
        const { parameters, system } = model.pack;
        defaults.set(name, { parameters, ...(system === undefined ? {} : { system }) });
        yield* modelsOf(model);
      }
    } catch (error) {
      if (!isDenied(error)) throw error;
      log.warn(
        { directory: store, reason: (error as NodeJS.ErrnoException).code },
        'No permission to read this Ollama store; add the user of Lamina to the group of Ollama',
      );
    }
  }
}

/** One model; with an adapter two, because an adapter is a model of its own that shares the process of its base. */
function modelsOf({ name, pack, files, adapters }: StoredModel & { problem?: never }): readonly Model[] {
  const complete = adopted(name, files, startOptions(pack.parameters));
  if (adapters.length === 0) return [complete];
  const base = { ...complete, name: baseName(name), aliases: [] };
  return [base, { ...complete, files: adapters, options: {}, base: base.name }];
}

/** The name of the model below an adapter. */
export function baseName(name: Name): string {
  return `${shown(name)}/base`;
}

/** `llama3.2` of `llama3.2:latest`. */
export function aliasesOf(name: Name): readonly string[] {
  return name.tag === 'latest' ? [shown(name).slice(0, -':latest'.length)] : [];
}

function adopted(name: Name, files: readonly ModelFile[], options: Model['options']): Model {
  return {
    name: shown(name),
    files,
    format: 'gguf',
    aliases: aliasesOf(name),
    options,
    pinned: false,
    limits: {},
    from: 'adopted',
  };
}
