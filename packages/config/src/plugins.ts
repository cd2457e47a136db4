// The plugins of a configuration: those that were found, or those that the file lists, and those that a flag adds.
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from '@lamina/core';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import type { Configuration } from './configuration.js';
import { findPlugin, findPlugins, type PluginPackage } from './discovery.js';
import { installedPackage } from './package-json.js';

/** A plugin of a configuration, and whether it was loaded. */
export interface ConfiguredPlugin {
  /** The package; `undefined` for a plugin that the configuration file holds itself. */
  readonly package?: string;
  readonly version?: string;
  readonly directory?: string;
  /** Who named it: it was found, the configuration file lists it, or a flag adds it. */
  readonly from: 'discovery' | 'file' | 'flag';
  /** The plugin, if it was loaded. */
  readonly plugin?: Plugin;
  /** Why it was not loaded. */
  readonly problem?: string;
  /** The commands that its package.json names. */
  readonly commands: Readonly<Record<string, string>>;
}

/** An entry of `plugins` that names a package. */
interface Use {
  readonly use: string;
  readonly options?: object;
}

/** A package whose plugin is to be loaded. */
interface Named extends PluginPackage {
  readonly from: 'discovery' | 'file' | 'flag';
  readonly options?: object;
}

/** A package, or a plugin that the configuration file holds itself. */
type Item = { readonly named: Named } | { readonly plugin: Plugin };

/**
 * Loads the plugins of a configuration, in order. One that was found and cannot be loaded is in the list with a
 * `problem`.
 * @throws LaminaError `CONFIG_INVALID` for a listed one that cannot be loaded, and for `options` of no plugin
 */
export async function loadPlugins(configuration: Configuration): Promise<readonly ConfiguredPlugin[]> {
  const options = new Map(Object.entries((configuration.file?.content['options'] ?? {}) as Record<string, object>));
  const unused = new Set(options.keys());
  const records: ConfiguredPlugin[] = [];
  for (const item of itemsOf(configuration)) {
    if ('plugin' in item) {
      records.push({ from: 'file', plugin: item.plugin, commands: {} });
      continue;
    }
    const record = await load(item.named, options);
    records.push(record);
    for (const name of [record.package, item.named.entry?.name, record.plugin?.name]) unused.delete(name ?? '');
  }
  const [unknown] = unused;
  if (unknown !== undefined) throw await unknownOptions(unknown, records, configuration);
  return withoutDuplicates(records);
}

/** Of two plugins with one name, a found one is left out; core reports the others. */
function withoutDuplicates(records: readonly ConfiguredPlugin[]): readonly ConfiguredPlugin[] {
  const first = new Map<string, ConfiguredPlugin>();
  const listedFirst = [...records].sort((a, b) => Number(a.from === 'discovery') - Number(b.from === 'discovery'));
  for (const record of listedFirst) {
    const name = record.plugin?.name;
    if (name !== undefined && !first.has(name)) first.set(name, record);
  }
  return records.map((record) => {
    const { plugin, ...rest } = record;
    const other = plugin === undefined ? record : first.get(plugin.name);
    if (other === record || other === undefined || record.from !== 'discovery') return record;
    return {
      ...rest,
      problem: `${other.package ?? 'the configuration file'} has a plugin of the same name, "${plugin!.name}"`,
    };
  });
}

/** The packages and plugins of a configuration, in order; loads none. */
function itemsOf({ project, file, addedPlugins }: Configuration): readonly Item[] {
  const listed = file?.content['plugins'] as readonly unknown[] | undefined;
  const find = (name: string) =>
    project.find(name) ?? (file === undefined ? undefined : installedPackage(dirname(file.path), name));
  const named = (use: string, from: 'file' | 'flag', options?: object): { readonly named: Named } => {
    const found = findPlugin({ find }, use);
    if (found !== undefined) return { named: { ...found.plugin, from, ...(options === undefined ? {} : { options }) } };
    throw new LaminaError('CONFIG_INVALID', {
      message: `The plugin "${use}" is not installed in ${project.directory ?? project.description}. Install it with: npm install ${use}`,
    });
  };
  const first: readonly Item[] =
    listed === undefined
      ? findPlugins(project).map((plugin) => ({ named: { ...plugin, from: 'discovery' } }))
      : listed.map((item, index) => {
          if (isUse(item)) return named(item.use, 'file', item.options);
          if (item !== null && item !== undefined) return { plugin: item as Plugin }; // Core checks it.
          throw new LaminaError('CONFIG_INVALID', { message: `${file!.path}: "plugins.${index}" is empty.` });
        });
  const added = addedPlugins.map((name) => named(name, 'flag'));
  const isSame = (item: Item, { named }: { readonly named: Named }) =>
    'named' in item && item.named.directory === named.directory;
  return [
    // A found one that a flag names too must load.
    ...first.map((item) =>
      'named' in item && added.some((other) => isSame(item, other))
        ? { named: { ...item.named, from: 'flag' as const } }
        : item,
    ),
    ...added.filter((other) => !first.some((item) => isSame(item, other))),
  ];
}

function isUse(item: unknown): item is Use {
  return typeof item === 'object' && item !== null && typeof (item as Partial<Use>).use === 'string';
}

async function load(item: Named, options: ReadonlyMap<string, object>): Promise<ConfiguredPlugin> {
  const { entry, options: own, ...record } = item;
  try {
    if (entry === undefined)
      throw new Error('its package.json does not say where the plugin is, as in "lamina": { "plugin": "./index.js" }');
    const { apiVersion } = await import('@lamina/core');
    const module = (await import(pathToFileURL(entry.file).href)) as Readonly<Record<string, unknown>>;
    const exported = module[entry.name];
    if (exported === undefined) throw new Error(`${entry.file} has no export "${entry.name}"`);
    const made = make(exported, own ?? options.get(item.package), apiVersion);
    const byName = own ?? options.get(made.name);
    return {
      ...record,
      plugin: byName === undefined || made.options === byName ? made : make(exported, byName, apiVersion),
    };
  } catch (error) {
    const problem = reasonOf(error);
    if (item.from === 'discovery') return { ...record, problem };
    throw new LaminaError(
      'CONFIG_INVALID',
      { message: `The plugin ${item.package} cannot be loaded: ${problem}.`, plugin: item.package },
      { cause: error },
    );
  }
}

/** An export is a plugin, or a factory that makes one of its options. Core checks the rest of its shape. */
function make(exported: unknown, options: object | undefined, contract: number): Plugin {
  const made: unknown =
    typeof exported === 'function' ? (exported as (options?: object) => unknown)(options) : exported;
  const { name, setup, apiVersion = contract } = (made ?? {}) as Partial<Plugin>;
  if (typeof name !== 'string' || typeof setup !== 'function')
    throw new Error('it exports no plugin, and no function that returns one');
  if (apiVersion !== contract)
    throw new Error(`it is for version ${apiVersion} of the plugin contract, and this Lamina has version ${contract}`);
  if (options !== undefined && typeof exported !== 'function') throw new Error('it takes no options');
  return made as Plugin;
}

async function unknownOptions(
  name: string,
  records: readonly ConfiguredPlugin[],
  { file }: Configuration,
): Promise<LaminaError> {
  const { nearestHint } = await import('@lamina/core');
  const hint = nearestHint(
    name,
    records.flatMap(({ plugin }) => plugin?.name ?? []),
  );
  const message = `${file!.path}: "options.${name}" is for no plugin of a package; ${hint.replace(/\.?$/, hint.endsWith('?') ? '' : '.')}`;
  return new LaminaError('CONFIG_INVALID', { message, file: file!.path, key: `options.${name}` });
}
