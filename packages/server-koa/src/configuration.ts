// Puts together what lamina-server starts with: the configuration module, or the plugins that are installed, under the command line.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LaminaError, reasonOf, type LaminaOptions, type Plugin } from '@lamina/core';
import { readApiKeys } from './api-key-file.js';
import type { CommandLine } from './command-line.js';
import type { ServerOptions } from './options.js';

/** What a configuration module exports: `export default defineConfig({ plugins: […], server: { … } })`. */
export interface ServerConfig extends LaminaOptions {
  readonly server?: ServerOptions;
}

/** Everything there is to know before a start. */
export interface Configuration {
  readonly lamina: LaminaOptions;
  readonly server: ServerOptions;
}

/** Package → the name of its plugin factory. */
const firstParty: Readonly<Record<string, string>> = {
  '@lamina/plugin-llamacpp': 'llamacpp',
  '@lamina/plugin-vllm': 'vllm',
  '@lamina/plugin-mlc': 'mlc',
  '@lamina/plugin-embedded': 'embedded',
  '@lamina/plugin-hf-source': 'hfSource',
  '@lamina/plugin-ollama-source': 'ollamaSource',
};

/**
 * The command line overrides the module, and both override the defaults.
 * @throws LaminaError `CONFIG_INVALID`
 */
export async function readConfiguration(line: CommandLine, env: Readonly<Record<string, string | undefined>>): Promise<Configuration> {
  const { server = {}, ...written } = line.config === undefined ? { plugins: await installedPlugins() } : await importConfig(line.config);
  const limits = { ...written.limits, ...given({ maxLoaded: line.maxLoaded, idleTimeout: line.idleTimeout }) };
  const apiKeys = line.apiKeyFile === undefined ? undefined : await readApiKeys(line.apiKeyFile);
  return {
    lamina: { env, ...written, ...given({ manifest: line.manifest, modelsDir: line.modelsDir, dataDir: line.dataDir, log: line.logLevel }), limits },
    server: { ...server, ...given({ host: line.host, port: line.port, apiKeys, allowUnauthenticated: line.allowUnauthenticated }) },
  };
}

async function importConfig(path: string): Promise<ServerConfig> {
  const module = await importModule(pathToFileURL(resolve(path)).href, path);
  const config: unknown = module['default'];
  if (typeof config === 'object' && config !== null) return config;
  throw new LaminaError('CONFIG_INVALID', { message: `${path} must have a default export: export default defineConfig({ plugins: […] }).`, file: path });
}

async function installedPlugins(): Promise<Plugin[]> {
  const plugins: Plugin[] = [];
  for (const [name, factory] of Object.entries(firstParty)) {
    const module = await importModule(name, `The plugin ${name}`).catch((error: unknown) => {
      if (isNotInstalled(error, name)) return undefined;
      throw error;
    });
    if (module !== undefined) plugins.push(pluginOf(name, module[factory]));
  }
  return plugins;
}

function pluginOf(name: string, factory: unknown): Plugin {
  if (typeof factory === 'function') return (factory as () => Plugin)();
  throw new LaminaError('CONFIG_INVALID', { message: `The plugin ${name} is not of a version that this server knows; install both anew.` });
}

async function importModule(specifier: string, what: string): Promise<Record<string, unknown>> {
  try {
    return (await import(specifier)) as Record<string, unknown>;
  } catch (error) {
    throw new LaminaError('CONFIG_INVALID', { message: `${what} cannot be loaded: ${reasonOf(error)}.` }, { cause: error });
  }
}

// Not the same as a plugin that is there and cannot be loaded: that one is wanted, and broken.
function isNotInstalled(error: unknown, name: string): boolean {
  const cause = (error as LaminaError).cause as NodeJS.ErrnoException | undefined;
  return cause?.code === 'ERR_MODULE_NOT_FOUND' && cause.message.startsWith(`Cannot find package '${name}'`);
}

function given<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [Name in keyof T]?: Exclude<T[Name], undefined> };
}
