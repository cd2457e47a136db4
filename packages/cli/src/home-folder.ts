// The home folder of the user, and paths as people write them.
import { homedir } from 'node:os';
import { isAbsolute, relative } from 'node:path';
import type { CliIo } from './cli-io.js';

/** The home folder that the environment names, or that of the user. */
export function homeFolder(env: CliIo['env']): string {
  return env['HOME'] || homedir();
}

/** Text with `~` in place of the home folder in every path. */
export function withTilde(text: string, env: CliIo['env']): string {
  const home = homeFolder(env).replace(/[\\/]+$/, '');
  if (home === '') return text;
  const escaped = home.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replace(new RegExp(`(?<![\\w./\\\\-])${escaped}(?![\\w.-])`, 'g'), '~');
}

/** A path as it is shown: relative to the working directory when it is below it, otherwise with `~`. */
export function shownPath(path: string, env: CliIo['env']): string {
  const way = relative(process.cwd(), path);
  return way === '' || way.startsWith('..') || isAbsolute(way) ? withTilde(path, env) : way;
}
