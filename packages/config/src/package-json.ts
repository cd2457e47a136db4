// Reads package.json files and finds the folders of packages, without Node's resolution: on Node 20 it does not find
// packages whose `exports` lack `require` or `./package.json`.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What is read of a package.json; any of it may be missing or of another type. */
export interface PackageJson {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly keywords?: unknown;
  readonly lamina?: { readonly plugin?: unknown; readonly commands?: unknown } | null;
  readonly [field: string]: unknown;
}

/** The package.json of a folder; `undefined` when there is none, or none that can be read. */
export function readPackageJson(directory: string): PackageJson | undefined {
  try {
    const json: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return typeof json === 'object' && json !== null ? (json as PackageJson) : undefined;
  } catch {
    return undefined;
  }
}

/** The names of the packages that a project asks for. */
export function dependenciesOf(json: PackageJson): readonly string[] {
  const fields = [json['dependencies'], json['devDependencies'], json['optionalDependencies']];
  const names = fields.flatMap((field) => (typeof field === 'object' && field !== null ? Object.keys(field) : []));
  return [...new Set(names)].sort();
}

/** The folder of an installed package, as Node finds it from `directory`: in the nearest `node_modules` above. */
export function installedPackage(directory: string, name: string): string | undefined {
  return foldersFrom(directory)
    .map((folder) => join(folder, 'node_modules', name))
    .find((folder) => existsSync(join(folder, 'package.json')));
}

/** A folder and those above it, nearest first. */
export function foldersFrom(directory: string): readonly string[] {
  const above = dirname(directory);
  return above === directory ? [directory] : [directory, ...foldersFrom(above)];
}
