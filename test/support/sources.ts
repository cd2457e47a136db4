// The sources of all packages, as text.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './root.js';

/** Every TypeScript file of the packages, by its path from the root. */
export const sources = [
  ...filesIn((name) => `packages/${name}/src`),
  ...filesIn((name) => `packages/${name}/page/src`),
].map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));

/** The TypeScript files in one folder of every package, as paths from the root. */
export function filesIn(folderOf: (packageName: string) => string): string[] {
  const folders = readdirSync(join(root, 'packages')).map((name) => join(root, folderOf(name)));
  const entries = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }));
  return entries
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}
