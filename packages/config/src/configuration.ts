// The configuration of a command: flags, then environment variables, then the configuration file, then the defaults.
import { dirname, resolve } from 'node:path';
import type { LaminaOptions } from '@lamina/core';
import { LaminaError } from '@lamina/core/protocol';
import { configurationFolder, readConfigurationFile, type ConfigurationFile, type Environment } from './file.js';
import { projectOf, type CommandLocation, type Project } from './project.js';
import { environmentName, flagName, optionName, parseSetting, settings, type Setting } from './settings.js';

/** What a configuration is read from. */
export interface ConfigurationSources {
  readonly command: CommandLocation;
  /** The flags that were given, by the names commander gives them. Besides those of the settings: `config`, `plugin`. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Environment;
}

/** Where a value came from. */
export type Origin = 'flag' | 'environment' | 'file' | 'default';

/** A setting and its value. */
export interface ConfiguredValue {
  readonly setting: Setting;
  /** `undefined` when there is no default. */
  readonly value: unknown;
  readonly origin: Origin;
  /** The flag or the environment variable. */
  readonly name?: string;
}

/** A configuration that was read. */
export interface Configuration {
  readonly project: Project;
  /** The folder in which a configuration file is looked for. */
  readonly folder: string;
  /** The configuration file, if there is one. */
  readonly file: ConfigurationFile | undefined;
  readonly values: readonly ConfiguredValue[];
  /** What `createLamina` takes, without plugins and defaults. */
  readonly lamina: Omit<LaminaOptions, 'plugins'>;
  /** What `createServer` takes, without defaults, and `apiKeyFile`. */
  readonly server: Readonly<Record<string, unknown>>;
  /** The packages named by `--plugin` and `LAMINA_PLUGIN`. */
  readonly addedPlugins: readonly string[];
}

/** Keys of a module that are no settings. */
const serviceKeys = ['env', 'fetch', 'clock', 'configure'] as const;

/**
 * Reads the configuration; loads no plugin.
 * @throws LaminaError `CONFIG_INVALID`
 */
export async function readConfiguration({ command, flags, env }: ConfigurationSources): Promise<Configuration> {
  const project = projectOf(command);
  const folder = configurationFolder(project, env);
  const path = (flags['config'] as string | undefined) ?? (env['LAMINA_CONFIG'] || undefined);
  const file = await readConfigurationFile(path, folder);
  const values = settings.map((setting) => valueOf(setting, flags, env, file));
  const given: Record<string, unknown> = {};
  for (const { setting, value, origin, name } of values) {
    if (origin === 'default') continue;
    given[setting.key] = setting.isSize === true ? await bytesOf(value, name ?? setting.key) : value;
  }
  const services = serviceKeys.flatMap((key) => {
    const service = file?.content[key];
    return service === undefined ? [] : [[key, service]];
  });
  const { server = {}, ...lamina } = nested(given) as { server?: Record<string, unknown> };
  return {
    project,
    folder,
    file,
    values,
    lamina: { env, ...(Object.fromEntries(services) as object), ...lamina },
    server,
    addedPlugins: (flags['plugin'] as readonly string[] | undefined) ?? listed(env['LAMINA_PLUGIN']),
  };
}

/** A size in bytes, or several by name. @throws LaminaError `CONFIG_INVALID` */
async function bytesOf(value: unknown, name: string): Promise<unknown> {
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(async ([key, member]) => [key, await bytesOf(member, `${name}.${key}`)]);
    return Object.fromEntries((await Promise.all(members)) as [string, unknown][]);
  }
  if (typeof value !== 'string') return value;
  const { parseSize } = await import('@lamina/core'); // Loaded late: most configurations have no size.
  const size = parseSize(value);
  if (size !== undefined && size >= 1) return Math.floor(size);
  throw new LaminaError('CONFIG_INVALID', { message: `"${name} ${value}" is not a size. Write it like 64MB.` });
}

function valueOf(
  setting: Setting,
  flags: Readonly<Record<string, unknown>>,
  env: Environment,
  file: ConfigurationFile | undefined,
): ConfiguredValue {
  const { key, flag } = setting;
  if (flag !== undefined) {
    const fromFlag = flags[optionName(flag)];
    if (fromFlag !== undefined) return { setting, value: fromFlag, origin: 'flag', name: flagName(flag) };
    const name = environmentName(flag);
    const text = env[name] || undefined;
    if (text !== undefined)
      return { setting, value: fromEnvironment(setting, name, text), origin: 'environment', name };
  }
  const value = file === undefined ? undefined : memberAt(file.content, key.split('.'));
  if (file === undefined || value === undefined) return { setting, value: setting.default, origin: 'default' };
  const isPath = setting.isPath === true && typeof value === 'string';
  return { setting, value: isPath ? resolve(dirname(file.path), value) : value, origin: 'file' };
}

function fromEnvironment(setting: Setting, name: string, text: string): unknown {
  try {
    return parseSetting(setting, text);
  } catch (error) {
    const message = `The environment variable ${name} is "${text}". ${(error as Error).message}`;
    throw new LaminaError('CONFIG_INVALID', { message });
  }
}

function memberAt(content: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name],
    content,
  );
}

/** `{ 'limits.maxLoaded': 1 }` as `{ limits: { maxLoaded: 1 } }`. */
function nested(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const top: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const [section, name] = key.split('.') as [string, string?];
    top[section] = name === undefined ? value : { ...(top[section] as object | undefined), [name]: value };
  }
  return top;
}

function listed(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
