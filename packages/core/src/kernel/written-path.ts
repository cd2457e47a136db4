// Paths as people write them into the manifest: `~` and `${VAR}` are expanded, and what no path can be is refused.
import { isAbsolute, posix } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** The path, or a sentence part that says why it cannot be used, as in `path uses …`. */
export type ExpandedPath =
  { readonly path: string; readonly problem?: never } | { readonly path?: never; readonly problem: string };

/** A path of a model: expanded, and one that a model can have. */
export function expandModelPath(written: string, env: Environment): ExpandedPath {
  const expanded = expandPath(written, env);
  const problem = expanded.path === undefined ? undefined : pathProblem(expanded.path);
  return problem === undefined ? expanded : { problem };
}

/** `~` is expanded only at the beginning, and only for the own user. An empty variable counts as not set. */
export function expandPath(written: string, env: Environment): ExpandedPath {
  let unset: string | undefined;
  const path = written.replace(/^~(?=[\\/]|$)|\$\{(\w+)\}/g, (match: string, name: string | undefined) => {
    const variable = name ?? 'HOME';
    const value = env[variable] || (variable === 'HOME' ? env['USERPROFILE'] : undefined);
    if (!value) unset ??= variable;
    return value || match;
  });
  if (unset === undefined) return { path };
  const problem = `uses the environment variable ${unset}, which is not set; set it for Lamina, or write the path without it`;
  return { problem };
}

/** Why a path cannot be used, whatever its variables are. Operators may write absolute paths. */
export function pathProblem(path: string): string | undefined {
  if (path.includes('\0')) return 'has a NUL character in it; remove it';
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path))
    return `is an address, not a file; write path: with where the file shall be, and the address under download:`;
  if (/^~[^\\/]/.test(path))
    return 'begins with "~" and a name; write ~/ for the own home directory, or the absolute path';
  if (isAbsolute(path) || /^(?:~|\$\{\w+\})/.test(path)) return undefined;
  if (/^\.\.(\/|$)/.test(posix.normalize(path.replaceAll('\\', '/'))))
    return 'leaves the models directory; write a path below it, or an absolute one';
  return undefined;
}
