// The configuration of lamina-server: the command line, then the configuration module or the installed plugins, then the
// defaults.
import { LaminaError, loadConfig, parseSize, type LaminaOptions, type LogLevel } from '@lamina/core';
import { readApiKeys } from './api-key-file.js';
import type { CommandLine } from './command-line.js';
import type { ServerOptions } from './options.js';

const defaultLogLevel: LogLevel = 'info';

/** The default export of a configuration module: `export default defineConfig({ plugins: […], server: { … } })`. */
export interface ServerConfig extends LaminaOptions {
  readonly server?: ServerOptions;
}

/** The options of a start. */
export interface Configuration {
  readonly lamina: LaminaOptions;
  readonly server: ServerOptions;
  /** Reads the file of the API keys again, where there is one. @throws LaminaError `CONFIG_INVALID`; the keys stay */
  readonly reloadKeys?: () => Promise<void>;
}

/**
 * The command line overrides the module, and both override the defaults.
 * @throws LaminaError `CONFIG_INVALID`
 */
export async function readConfiguration(
  line: CommandLine,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Configuration> {
  const { server = {}, ...written } = await loadConfig<ServerConfig>(line.config);
  const limits = { ...written.limits, ...given({ maxLoaded: line.maxLoaded, idleTimeout: line.idleTimeout }) };
  const downloads = { ...written.downloads, ...given({ allowedHosts: line.downloadAllowHosts }) };
  const { apiKeyFile } = line;
  let keys = apiKeyFile === undefined ? undefined : await readApiKeys(apiKeyFile);
  return {
    lamina: {
      env,
      log: defaultLogLevel,
      ...written,
      ...given({ manifest: line.manifest, modelsDir: line.modelsDir, dataDir: line.dataDir, log: line.logLevel }),
      limits,
      downloads,
    },
    server: {
      ...server,
      ...given({
        host: line.host,
        port: line.port,
        apiKeys: keys === undefined ? undefined : () => keys!,
        allowUnauthenticated: line.allowUnauthenticated,
        allowedHosts: line.allowedHosts,
        cors: line.cors,
        bodyLimit: line.bodyLimit === undefined ? undefined : bytesOf(line.bodyLimit),
      }),
    },
    ...(apiKeyFile === undefined ? {} : { reloadKeys: async () => void (keys = await readApiKeys(apiKeyFile)) }),
  };
}

function bytesOf(size: string): number {
  const bytes = parseSize(size);
  if (bytes !== undefined && bytes >= 1) return Math.floor(bytes);
  throw new LaminaError('CONFIG_INVALID', { message: `"--body-limit ${size}" is not a size. Write it like 64MB.` });
}

function given<T extends object>(values: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
