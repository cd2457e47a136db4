// Installs node-llama-cpp, completely or not at all.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isShortage, LaminaError, type InstallContext } from '@lamina/core/plugin';
import type { Build } from '../platform.js';
import { npmCi } from './npm.js';
import { installedVersion, lockedVersion, lockFile, writePackages } from './packages.js';
import { installProblem } from './problems.js';

/** What to install, and where. */
export interface InstallRequest {
  /** Absolute. */
  readonly directory: string;
  readonly build: Build;
  /** The name of the backend, for errors. */
  readonly backend: string;
}

/**
 * Resolves when it is installed, with whether it was missing. `lock` is the lock file to install from.
 * @throws LaminaError `BACKEND_INSTALL_FAILED` with what to do; the signal's reason, after npm has ended
 */
export async function install(
  { directory, build, backend }: InstallRequest,
  context: InstallContext,
  lock = lockFile,
): Promise<boolean> {
  const { signal, progress } = context;
  signal.throwIfAborted();
  if ((await installedVersion(directory, build)) !== undefined) return false;
  const version = await lockedVersion(lock);
  const stage = `installing node-llama-cpp ${version}`;
  const part = `${directory}.part-${process.pid}-${randomUUID()}`;
  try {
    await clearLeftovers(directory);
    const total = 2 * (await writePackages(part, build, lock));
    let fetched = 0;
    progress({ stage, ratio: 0 });
    const result = await npmCi(part, context, () => progress({ stage, ratio: Math.min(1, ++fetched / total) }));
    if (result.code !== 0) throw new Error(installProblem(result));
    await putInPlace(part, directory, build);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (isShortage(error)) throw error; // It says nothing about npm or the registry, and it passes.
    const packages = ['node-llama-cpp', ...build.packages].map((name) => `${name}@${version}`).join(' ');
    throw new LaminaError('BACKEND_INSTALL_FAILED', {
      backend,
      reason: `node-llama-cpp could not be installed: ${(error as Error).message}`,
      hint: `Fix that and try again; or install it by hand with "npm install --prefix ${directory} --ignore-scripts --omit=optional ${packages}", here or on another machine from which you copy it; or install llama.cpp instead.`,
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** Renames the finished directory into place. If another Lamina was faster, its directory is used. */
async function putInPlace(part: string, directory: string, build: Build): Promise<void> {
  try {
    await rename(part, directory);
  } catch (error) {
    if ((await installedVersion(directory, build)) !== undefined) return;
    throw new Error(`${directory} contains something else; empty it`, { cause: error });
  }
}

/** Removes what a killed Lamina left behind. */
async function clearLeftovers(directory: string): Promise<void> {
  const home = dirname(directory);
  const prefix = `${basename(directory)}.part-`;
  await mkdir(home, { recursive: true });
  const names = (await readdir(home)).filter(
    (name) => name.startsWith(prefix) && !isAlive(Number.parseInt(name.slice(prefix.length))),
  );
  await Promise.all(names.map((name) => rm(join(home, name), { recursive: true, force: true })));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
