// Which build of node-llama-cpp a backend instance uses, and where it is.
import { join, resolve } from 'node:path';
import type { EmbeddedOptions } from './options.js';
import { buildFor, thisPlatform, type Build } from './platform.js';
import { installedVersion, lockedVersion } from './install/packages.js';

/** A build and the directory for it. */
export interface Place {
  readonly build: Build;
  readonly directory: string;
}

/**
 * The directory is named by version and build, so nothing is ever changed in place.
 * @throws LaminaError `NOT_SUPPORTED`
 */
export async function placeFor({ gpu, directory }: EmbeddedOptions, dataDir: string): Promise<Place> {
  const build = buildFor(gpu, thisPlatform());
  return {
    build,
    directory: join(resolve(directory ?? dataDir), `node-llama-cpp-${await lockedVersion()}-${build.name}`),
  };
}

/** The installed version, or the one that will be installed. */
export async function versionAt({
  directory,
  build,
}: Place): Promise<{ readonly version: string; readonly installed: boolean }> {
  const version = await installedVersion(directory, build);
  return { version: version ?? (await lockedVersion()), installed: version !== undefined };
}
