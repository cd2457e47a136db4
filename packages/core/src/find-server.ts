// The entry point for commands that look for a running server. It loads little, so that they start fast.
import { resolve } from 'node:path';
import type { Config, LaminaOptions } from './contract/config.js';
import { defaultDataDir } from './data-dir.js';
import { ownerOfDataDir, type DataDirOwner } from './process/lock.js';
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
export function findServer(options: DataDirOptions): Promise<string | undefined> {
  return readServerAddress(dataDirOf(options));
}

/** The options that decide which data directory is used. */
export type DataDirOptions = Pick<LaminaOptions, 'modelsDir' | 'dataDir'> & Pick<Config, 'env'>;

export type { DataDirOwner } from './process/lock.js';

/**
 * The data directory of these options, and the process that owns it now; no `owner`: none does.
 * @example
 * ```ts
 * import { findDataDir } from '@lamina/core/find-server';
 *
 * const { dataDir, owner } = await findDataDir({ modelsDir: 'models', env: process.env });
 * ```
 */
export async function findDataDir(
  options: DataDirOptions,
): Promise<{ readonly dataDir: string; readonly owner?: DataDirOwner }> {
  const dataDir = dataDirOf(options);
  const owner = await ownerOfDataDir(dataDir);
  return { dataDir, ...(owner === undefined ? {} : { owner }) };
}

function dataDirOf({ modelsDir = 'models', dataDir, env }: DataDirOptions): string {
  return resolve(dataDir ?? defaultDataDir({ modelsDir: resolve(modelsDir), mode: 'attached', env }));
}
