// Finds the project that a command belongs to. The working directory decides nothing: a command that is run in a folder
// from elsewhere must not run code of that folder.
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { dependenciesOf, foldersFrom, installedPackage, readPackageJson } from './package-json.js';

/** A command of this machine. */
export interface CommandLocation {
  /** The package that the command is part of. */
  readonly package: string;
  /** The path of the command as it was invoked; may be a link. */
  readonly path: string;
}

/** Where a command finds packages. */
export interface Project {
  /** The folder of the project's package.json; `undefined` for a global installation. */
  readonly directory: string | undefined;
  /** In words, where packages are looked for. */
  readonly description: string;
  /** The names of the packages that may be plugins, sorted. */
  readonly packages: readonly string[];
  /** The folder of a package. */
  find(name: string): string | undefined;
}

/**
 * The project of the nearest package.json above the command that names the command's package as a dependency, and from
 * which that package is found; otherwise the folder with all packages that the command's package lies in.
 */
export function projectOf(command: CommandLocation): Project {
  const pnp = pnpApi();
  return (pnp && pnpProject(pnp, command.package)) ?? dependentProject(command) ?? globalPackages(command);
}

function dependentProject({ package: name, path }: CommandLocation): Project | undefined {
  const own = ownFolder({ package: name, path });
  const folders = [path, realPath(path)].flatMap((start) => foldersFrom(dirname(start)));
  for (const directory of folders) {
    const json = readPackageJson(directory);
    const packages = json === undefined ? [] : dependenciesOf(json);
    if (!packages.includes(name)) continue;
    const installed = installedPackage(directory, name);
    // Another package.json above, such as one in the home directory, may have a copy of its own.
    if (installed === undefined || realpathSync(installed) !== own) continue;
    const description = `the dependencies in ${join(directory, 'package.json')}`;
    return { directory, description, packages, find: (other) => installedPackage(directory, other) };
  }
  return undefined;
}

/** The packages of a global installation, such as that of `npm install --global`. */
function globalPackages(command: CommandLocation): Project {
  const own = ownFolder(command);
  const folder = join(own, ...command.package.split('/').map(() => '..'));
  const isInstalled = basename(folder) === 'node_modules';
  return {
    directory: undefined,
    description: isInstalled ? `the packages in ${folder}` : `no folder, since ${own} is not installed in one`,
    packages: isInstalled ? packagesIn(folder) : [],
    find: (name) => (isInstalled ? installedPackage(dirname(folder), name) : undefined),
  };
}

/** The real folder of the command's own package. */
function ownFolder({ package: name, path }: CommandLocation): string {
  const real = realPath(path);
  return foldersFrom(dirname(real)).find((folder) => readPackageJson(folder)?.name === name) ?? dirname(real);
}

/** Node runs `bin/lamina` as `bin/lamina.js`, so the path need not exist. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function packagesIn(folder: string): readonly string[] {
  const names = namesIn(folder).flatMap((name) =>
    name.startsWith('@') ? namesIn(join(folder, name)).map((member) => `${name}/${member}`) : [name],
  );
  return names.sort();
}

function namesIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => !name.startsWith('.'));
}

/** What is used of Yarn's Plug'n'Play, which has no `node_modules` folders. */
interface PnpApi {
  readonly topLevel: object;
  getDependencyTreeRoots(): readonly object[];
  getPackageInformation(locator: object): {
    readonly packageLocation: string;
    readonly packageDependencies: ReadonlyMap<string, unknown>;
  };
  resolveToUnqualified(name: string, issuer: string): string | null;
}

function pnpApi(): PnpApi | undefined {
  if (process.versions['pnp'] === undefined) return undefined;
  return createRequire(import.meta.url)('pnpapi') as PnpApi;
}

function pnpProject(pnp: PnpApi, name: string): Project | undefined {
  const workspaces = [pnp.topLevel, ...pnp.getDependencyTreeRoots()].map((root) => pnp.getPackageInformation(root));
  const found = workspaces.find(({ packageDependencies }) => packageDependencies.has(name));
  if (found === undefined) return undefined;
  const { packageLocation: directory, packageDependencies } = found;
  return {
    directory,
    description: `the dependencies in ${join(directory, 'package.json')}`,
    packages: [...packageDependencies.keys()].sort(),
    find: (other) =>
      packageDependencies.has(other) ? (pnp.resolveToUnqualified(other, directory) ?? undefined) : undefined,
  };
}
