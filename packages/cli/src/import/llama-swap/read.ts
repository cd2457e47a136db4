// Reads a configuration of llama-swap (config.example.yaml of its repository) as entries for a manifest.
import { dirname, resolve } from 'node:path';
import type { ImportNote } from '@lamina/core';
import type { Imported } from '../imported.js';
import { withoutComments } from './command-line.js';
import { mapGroups } from './groups.js';
import { nestedNotes, topNotes } from './keys.js';
import { expand } from './macros.js';
import { ModelMapper, type MappingContext } from './models.js';
import { addPeers, type WrittenPeer } from './peers.js';
import { configurationSchema, macrosSchema, type Configuration } from './schema.js';
import { YamlFile } from './text.js';

interface Written {
  readonly macros?: Readonly<Record<string, unknown>>;
  readonly models?: Readonly<
    Record<string, { readonly cmd?: string; readonly macros?: Readonly<Record<string, unknown>> }>
  >;
  readonly peers?: Readonly<Record<string, WrittenPeer>>;
  readonly routing?: unknown;
  readonly hooks?: unknown;
  readonly [key: string]: unknown;
}

/** What an import of a configuration is given. */
export interface ReadOptions extends Omit<MappingContext, 'directory'> {
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Reads it. @throws LaminaError `CONFIG_INVALID` with the line of the first problem */
export async function readLlamaSwap(path: string, { env, ...context }: ReadOptions): Promise<Imported> {
  const file = await YamlFile.read(path);
  const written = (file.value ?? {}) as Written;
  file.require(macrosSchema, written);
  if (written.models === undefined && written.peers === undefined)
    file.refuse([], 'it has no models and no peers. Is it a configuration of llama-swap?');
  const expanded = expandAll(written, env);
  file.require(configurationSchema, expanded);
  const configuration = expanded as Configuration;
  const mapper = new ModelMapper(configuration, { ...context, directory: dirname(resolve(path)) });
  const given = Object.entries(configuration.models ?? {});
  for (const [name, model] of given) mapper.add(name, model);
  const local = given.map(([name]) => name).filter((name) => Object.hasOwn(mapper.models, name));
  addPeers(configuration.peers ?? {}, written.peers ?? {}, mapper, context.hasPresets);
  const { groups, persistent, notes } = mapGroups(configuration, local);
  pin(mapper, persistent);
  return {
    from: path,
    models: mapper.models,
    backends: mapper.backends,
    groups,
    notes: [
      ...mapper.notes,
      ...notes,
      ...preloadNotes(configuration, mapper),
      ...topNotes(written),
      ...nestedNotes(written),
    ],
  };
}

/** The values of the configuration: macros of a model override those of the file. Comments in commands have no macros. */
function expandAll({ macros = {}, models, ...rest }: Written, env: ReadOptions['env']): Record<string, unknown> {
  const entries = Object.entries(models ?? {}).map(([name, { macros: own, ...model }]) => {
    const values = { ...macros, ...own, MODEL_ID: name };
    const stripped = model.cmd === undefined ? model : { ...model, cmd: withoutComments(model.cmd) };
    return [name, withNames(expand(stripped, { values, env }), (key) => String(expand(key, { values, env })))] as const;
  });
  return {
    ...(expand(rest, { values: macros, env }) as object),
    ...(models === undefined ? {} : { models: Object.fromEntries(entries) }),
  };
}

/** The names of `setParamsByID` have macros too. */
function withNames(model: unknown, rename: (key: string) => string): unknown {
  const { filters, ...rest } = model as { readonly filters?: { readonly setParamsByID?: object } };
  if (typeof filters?.setParamsByID !== 'object') return model;
  const renamed = Object.entries(filters.setParamsByID).map(
    ([key, value]: readonly [string, unknown]) => [rename(key), value] as const,
  );
  return { ...rest, filters: { ...filters, setParamsByID: Object.fromEntries(renamed) as object } };
}

/** A model that no other may stop is pinned, unless it is to stop when it is idle. */
function pin({ models, notes }: ModelMapper, persistent: ReadonlySet<string>): void {
  for (const name of persistent) {
    const entry = models[name]!;
    if (entry.limits?.idle_timeout === 0) models[name] = { ...entry, pinned: true };
    else
      notes.push({
        what: `models.${name}.ttl`,
        message:
          'It is in a persistent group, but a pinned model is never stopped when it is idle. It is not pinned, so others may stop it.',
      });
  }
}

function preloadNotes({ hooks }: Configuration, { models }: ModelMapper): readonly ImportNote[] {
  const known = new Set(Object.entries(models).flatMap(([name, { aliases = [] }]) => [name, ...aliases]));
  return (hooks?.on_startup?.preload ?? [])
    .filter((name) => !known.has(name.trim()))
    .map((name) => ({ what: `hooks.on_startup.preload: ${name}`, message: 'There is no entry for this model.' }));
}
