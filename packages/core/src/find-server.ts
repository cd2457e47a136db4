// The entry point for commands that look for a running server. It loads little, so that they start fast.
import { resolve } from 'node:path';
import type { Config, LaminaOptions } from './contract/config.js';
import { defaultDataDir } from './data-dir.js';
import { readServerAddress } from './process/server-address.js';

/**
 * The URL of the server that owns the data directory of these options; `undefined` when none runs. It was recorded by
 * {@link Lamina.announce}, which `createServer` of `@lamina/server-koa` calls when it listens.
 * @example
 * ```ts
 * import { findServer } from '@lamina/core/find-server';
 *
 * const url = await findServer({ modelsDir: 'models', env: process.env });
 * ```
 */
export function findServer({
  modelsDir = 'models',
  dataDir,
  env,
}: Pick<LaminaOptions, 'modelsDir' | 'dataDir'> & Pick<Config, 'env'>): Promise<string | undefined> {
  const directory = dataDir ?? defaultDataDir({ modelsDir: resolve(modelsDir), mode: 'attached', env });
  return readServerAddress(resolve(directory));
}
