// What is installed: node-llama-cpp with exactly the locked packages, and the required build.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isShortage } from '@lamina/core/plugin';
import type { Build } from '../platform.js';

const library = 'node-llama-cpp';
/** The tested versions of node-llama-cpp and its packages. */
export const lockFile = new URL('../../src/install/lock.json', import.meta.url);

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string }>>;
  readonly [more: string]: unknown;
}

/** The version that is installed. */
export async function lockedVersion(lock = lockFile): Promise<string> {
  return versionIn(await readLock(lock));
}

/**
 * Writes what `npm ci` needs into an empty directory; returns the number of packages. The lock file has the integrity of
 * each package except builds for other systems; it leaves out what node-llama-cpp only needs to compile llama.cpp or to
 * download models.
 */
export async function writePackages(directory: string, { packages }: Build, from = lockFile): Promise<number> {
  const lock = await readLock(from);
  const version = versionIn(lock);
  const dependencies = Object.fromEntries([library, ...packages].map((name) => [name, version]));
  const isOtherBuild = (path: string) =>
    path.startsWith('node_modules/@node-llama-cpp/') && !packages.includes(path.slice('node_modules/'.length));
  const kept = Object.entries(lock.packages).filter(([path]) => !isOtherBuild(path));
  const root = { name: 'lamina-embedded-engine', private: true, dependencies };
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), JSON.stringify(root));
  await writeFile(
    join(directory, 'package-lock.json'),
    JSON.stringify({
      ...lock,
      name: root.name,
      packages: { '': { name: root.name, dependencies }, ...Object.fromEntries(kept) },
    }),
  );
  return kept.length;
}

/**
 * The version of node-llama-cpp in a directory; `undefined` when it or its build is missing.
 * @throws Error of a system short of descriptors
 */
export async function installedVersion(directory: string, { packages: [build] }: Build): Promise<string | undefined> {
  const [version, found] = await Promise.all(
    [library, build].map((name) => versionOf(join(directory, 'node_modules', name, 'package.json'))),
  );
  return found === undefined ? undefined : version;
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    return (JSON.parse(await readFile(path, 'utf8')) as { version: string }).version;
  } catch (error) {
    if (isShortage(error)) throw error;
    return undefined;
  }
}

async function readLock(from: URL): Promise<Lock> {
  return JSON.parse(await readFile(from, 'utf8')) as Lock;
}

function versionIn({ packages }: Lock): string {
  return packages[`node_modules/${library}`]!.version;
}
