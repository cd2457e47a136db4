// What `lamina init` finds on this machine.
import { realpath } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import type { BackendRecord, Device, ModelEntry, ModelRecord } from '@lamina/core';
import type { CliIo } from '../cli-io.js';
import { withTilde } from '../home-folder.js';
import type { OpenedLamina } from '../local-lamina.js';
import { findGgufFiles, findOllamaStores, type FoundFile, type OllamaStore } from './model-search.js';

/** A model file of another program, and the entry for it in the manifest. */
export interface FoundModel extends FoundFile {
  readonly name: string;
  readonly entry: ModelEntry;
}

/** What is there. */
export interface Machine {
  readonly memory: { readonly totalBytes: number; readonly budgetBytes: number };
  readonly engines: readonly BackendRecord[];
  /** The devices that engines can use. */
  readonly devices: readonly Device[];
  /** The sources whose references `lamina pull` takes. */
  readonly sources: readonly string[];
  /** The models that Lamina serves without a further entry, by name. */
  readonly served: readonly string[];
  /** Those of them that are in the folders of other programs. */
  readonly adopted: number;
  readonly stores: readonly OllamaStore[];
  /** Whether the models of those stores are served already. */
  readonly servesStores: boolean;
  readonly found: readonly FoundModel[];
  /** The model to begin with; `undefined`: none can run. */
  readonly suggested: string | undefined;
}

/** Opens a Lamina with its manifest, or where there is none, with these models. */
export type OpenWith = (models: Readonly<Record<string, ModelEntry>>) => Promise<OpenedLamina>;

/**
 * Looks at the machine. `hasManifest`: there is a manifest, to which nothing is added.
 * @throws LaminaError what opening a Lamina throws, and the reason of the signal
 */
export async function inspectMachine(
  open: OpenWith,
  modelsDir: string,
  hasManifest: boolean,
  { env, signal }: Pick<CliIo, 'env' | 'signal'>,
): Promise<Machine> {
  const [files, stores] = await Promise.all([findGgufFiles(env, signal), findOllamaStores(env, signal)]);
  let { lamina } = await open({});
  try {
    const records = lamina.models.list();
    const paths = await realPaths(records);
    const outside = await leaveOut(files, (path) => paths.has(path) || isBelow(path, modelsDir));
    const names = new Set(records.map(({ model }) => model.name));
    let found = hasManifest ? [] : outside.map((file) => nameFile(file, names, env));
    if (found.length > 0) {
      await lamina.close();
      ({ lamina } = await open(Object.fromEntries(found.map(({ name, entry }) => [name, entry]))));
      found = await whatCanBeRead(found, lamina, signal);
    }
    return { ...(await describe(lamina, signal)), ...servedOf(records, stores), found, stores };
  } finally {
    await lamina.close({ signal });
  }
}

async function describe(lamina: OpenedLamina['lamina'], signal: AbortSignal) {
  const engines = await lamina.backends.list({ signal });
  const { budget, totalBytes } = lamina.runtime.memory();
  const suggestion = await lamina.suggestions.suggest({}, { signal }).catch(() => undefined);
  signal.throwIfAborted();
  return {
    memory: { totalBytes, budgetBytes: budget['host'] ?? totalBytes },
    engines,
    devices: [...new Map(engines.flatMap(devicesOf).map((device) => [device.name, device])).values()],
    sources: lamina.plugins.flatMap((plugin) => plugin.sources),
    suggested: suggestion?.suggested.command === undefined ? suggestion?.suggested.record.model.name : undefined,
  };
}

function servedOf(records: readonly ModelRecord[], stores: readonly OllamaStore[]) {
  const available = records.filter((record) => record.available);
  const isInStore = (path: string) => stores.some((store) => isBelow(path, store.path));
  return {
    served: available.map(({ model }) => model.name),
    adopted: available.filter(({ model }) => model.from === 'adopted').length,
    servesStores: available.some(({ model }) => model.files.some(({ path }) => isInStore(path))),
  };
}

function devicesOf({ availability }: BackendRecord): readonly Device[] {
  return availability.available ? (availability.devices ?? []) : [];
}

/** The real paths of the files of these models. */
async function realPaths(records: readonly ModelRecord[]): Promise<ReadonlySet<string>> {
  const paths = records.flatMap(({ model }) => model.files.map(({ path }) => path));
  return new Set(await Promise.all(paths.map((path) => realpath(path).catch(() => path))));
}

async function leaveOut(files: readonly FoundFile[], isKnown: (path: string) => boolean) {
  const paths = await Promise.all(files.map(({ path }) => realpath(path)));
  return files.filter(({ path }, index) => !isKnown(path) && !isKnown(paths[index]!));
}

function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}

/** Gives a file a name that no other model has, which is added to the names. */
function nameFile(file: FoundFile, names: Set<string>, env: CliIo['env']): FoundModel {
  const stem = file.path
    .replace(/^.*[\\/]/, '')
    .replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-');
  let name = stem;
  for (let number = 2; names.has(name); number += 1) name = `${stem}-${number}`;
  names.add(name);
  return { ...file, name, entry: { path: withTilde(file.path, env) } };
}

/** The models whose files are whole. */
async function whatCanBeRead(found: readonly FoundModel[], { models }: OpenedLamina['lamina'], signal: AbortSignal) {
  const checks = await models.validate(
    found.map(({ name }) => name),
    { signal },
  );
  const whole = new Set(checks.filter(({ problems }) => problems.length === 0).map(({ name }) => name));
  return found.filter(({ name }) => whole.has(name));
}
