// Makes manifest entries of the models in an Ollama store: `lamina import ollama`.
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  LaminaError,
  type ImportedModels,
  type ImportNote,
  type ModelEntry,
  type ModelImport,
} from '@lamina/core/plugin';
import { aliasesOf, baseName } from './adopt.js';
import { shown, sourceName } from './name.js';
import { about, differences, optionsOf, quantizationOf, referenceWithDefaults } from './plan.js';
import type { Settings } from './settings.js';
import { isDenied, readStore, type StoredModel } from './store.js';

type CompleteModel = StoredModel & { readonly problem?: never };

/** The contribution to the extension point `import`. */
export function storeImport({ stores }: Settings): ModelImport {
  return {
    name: sourceName,
    async read({ directory, signal }) {
      const candidates = (directory === undefined ? stores : [directory]).map((one) => resolve(one));
      for (const store of candidates) if (await isStore(store)) return readEntries(store, signal);
      throw new LaminaError('REQUEST_INVALID', {
        message: `There is no Ollama store in ${candidates.join(' or ')}: a store has the directories "manifests" and "blobs". Name it with --store <directory>.`,
      });
    },
  };
}

async function isStore(directory: string): Promise<boolean> {
  return access(join(directory, 'manifests')).then(
    () => true,
    (error: unknown) => {
      if (isDenied(error)) throw noPermission(directory, error);
      return false;
    },
  );
}

async function readEntries(store: string, signal: AbortSignal): Promise<ImportedModels> {
  const models: Record<string, ModelEntry> = {};
  const notes: ImportNote[] = [];
  try {
    for await (const model of readStore(store, signal)) {
      const what = shown(model.name);
      const problem = model.problem ?? shardProblem(model);
      if (problem !== undefined) notes.push({ what, message: sentence(problem), leftOut: true });
      if (model.problem !== undefined || problem !== undefined) continue;
      Object.assign(models, entriesOf(model));
      const { pack, name } = model;
      notes.push(...differences({ ...pack, name }).map((message) => ({ what, message })));
      if (pack.hasMessages) notes.push({ what, message: 'Its example messages are not used.' });
    }
  } catch (error) {
    throw isDenied(error) ? noPermission(store, error) : error;
  }
  return { from: store, models, notes };
}

function shardProblem({ files }: CompleteModel): string | undefined {
  return files.filter(({ role }) => role === 'weights').length > 1
    ? 'it has several files of weights, which engines find by names that blobs do not have; download it with "lamina pull"'
    : undefined;
}

/** One entry; with an adapter two, because an adapter is a model of its own that shares the process of its base. */
function entriesOf({ name, pack, files, adapters: [adapter] }: CompleteModel): Readonly<Record<string, ModelEntry>> {
  const pathOf = (role: string) => files.find((file) => file.role === role)?.path;
  const projector = pathOf('projector');
  const weights: ModelEntry = {
    path: pathOf('weights')!,
    format: 'gguf',
    ...(projector === undefined ? {} : { projector }),
    ...quantizationOf(pack),
    ...optionsOf(pack),
  };
  const aliases = aliasesOf(name);
  const named: ModelEntry = {
    description: about({ ...pack, name }),
    ...(aliases.length === 0 ? {} : { aliases: [...aliases] }),
    download: { [sourceName]: referenceWithDefaults({}, { ...pack, name }) },
  };
  if (adapter === undefined) return { [shown(name)]: { ...weights, ...named } };
  return {
    [baseName(name)]: weights,
    [shown(name)]: { path: adapter.path, format: 'gguf', base: baseName(name), ...named },
  };
}

function noPermission(directory: string, cause: unknown): LaminaError {
  const message = `No permission to read the Ollama store ${directory}. Add your user to the group of Ollama, or run the command as a user who may read it.`;
  return new LaminaError('REQUEST_INVALID', { message }, { cause });
}

/** Sentences that begin with the name of a model stay as they are. */
function sentence(problem: string): string {
  return `${problem.replace(/^it(?=s? )/, 'It')}${problem.endsWith('.') ? '' : '.'}`;
}
