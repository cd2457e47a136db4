// The configuration of lamina-server: its settings, its plugins, and its API keys.
import { resolve } from 'node:path';
import { loadPlugins, readConfiguration, type ConfigurationSources, type ConfiguredPlugin } from '@lamina/config';
import type { LaminaOptions, LogLevel, Plugin } from '@lamina/core';
import { readApiKeys } from './api-key-file.js';
import type { ServerOptions } from './options.js';

/** What a configuration file can say: the default export of a module, or the same as JSON or YAML. */
export interface ServerConfig extends Omit<LaminaOptions, 'plugins' | 'mode'> {
  /** Plugins, and packages with plugins. Default: the plugins that are installed. */
  readonly plugins?: readonly (Plugin | { readonly use: string; readonly options?: object })[];
  /** The options of plugins, by the name of the plugin or of its package. */
  readonly options?: Readonly<Record<string, object>>;
  readonly server?: ServerOptions & {
    /** A file with the API keys; it takes the place of `apiKeys`. */
    readonly apiKeyFile?: string;
  };
}

/** Returns its argument; gives a configuration module its types: `export default defineConfig({ … })`. */
export function defineConfig(config: ServerConfig): ServerConfig {
  return config;
}

/** The options of a start. */
export interface StartOptions {
  readonly lamina: LaminaOptions;
  readonly server: ServerOptions;
  readonly plugins: readonly ConfiguredPlugin[];
  /** The plugins that were found and not loaded. */
  readonly notLoaded: readonly string[];
  readonly modelsDir: string;
  /** Reads the file of the API keys again, where there is one. @throws LaminaError `CONFIG_INVALID`; the keys stay */
  readonly reloadKeys?: () => Promise<void>;
}

/**
 * Reads the configuration and loads the plugins. `log`: the level of the log, where the configuration names none.
 * @throws LaminaError `CONFIG_INVALID`
 */
export async function readStartOptions(sources: ConfigurationSources, log: LogLevel): Promise<StartOptions> {
  const configuration = await readConfiguration(sources);
  const plugins = await loadPlugins(configuration);
  // The schema of the configuration has checked them.
  const { apiKeyFile, ...server } = configuration.server as ServerOptions & { readonly apiKeyFile?: string };
  let keys = apiKeyFile === undefined ? undefined : await readApiKeys(apiKeyFile);
  return {
    lamina: {
      log,
      ...configuration.lamina,
      plugins: plugins.flatMap(({ plugin }) => plugin ?? []),
    },
    server: { ...server, ...(keys === undefined ? {} : { apiKeys: () => keys! }) },
    plugins,
    modelsDir: resolve(configuration.lamina.modelsDir ?? 'models'),
    notLoaded: plugins.flatMap(({ package: name, problem }) => (problem === undefined ? [] : (name ?? []))),
    ...(apiKeyFile === undefined ? {} : { reloadKeys: async () => void (keys = await readApiKeys(apiKeyFile)) }),
  };
}
