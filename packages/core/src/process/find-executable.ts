// Finds an executable by path, or by name in PATH.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { unlessShortage } from '../kernel/shortage.js';

/** Where an executable was found and when it last changed, or why it cannot run and what to do about it. */
export type ExecutableSearch =
  { readonly path: string; readonly modified: number } | { readonly reason: string; readonly hint?: string };

/**
 * Finds an executable. `wanted` is a path if it contains a `/`, relative to the working directory; else a name to find
 * in PATH.
 * @throws Error of the system when it is short of files, processes or memory
 */
export async function findExecutable(
  wanted: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<ExecutableSearch> {
  if (wanted.includes('/')) return examine(resolve(wanted));
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  if (folders.length === 0) {
    return {
      reason: `"${wanted}" cannot be found, because the environment of Lamina has no PATH`,
      hint: 'Pass the environment with createLamina({ env: process.env }).',
    };
  }
  let unusable: ExecutableSearch | undefined;
  for (const folder of folders) {
    const found = await examine(resolve(join(folder, wanted)));
    if ('path' in found) return found;
    if (found.hint !== undefined) unusable ??= found;
  }
  return unusable ?? { reason: `"${wanted}" is not in PATH` };
}

async function examine(path: string): Promise<ExecutableSearch> {
  const found = await stat(path).catch(unlessShortage(undefined));
  if (found === undefined) return { reason: `there is no file ${path}` };
  if (!found.isFile()) return { reason: `${path} is not a file` };
  const runs = await access(path, constants.X_OK).then(() => true, unlessShortage(false));
  return runs
    ? { path, modified: found.mtimeMs }
    : { reason: `${path} is not executable`, hint: `Make it executable: chmod +x ${path}` };
}
