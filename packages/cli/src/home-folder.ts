// The home folder of the user, and paths as people write them.
import { homedir } from 'node:os';
import { sep } from 'node:path';
import type { CliIo } from './cli-io.js';

/** The home folder that the environment names, or that of the user. */
export function homeFolder(env: CliIo['env']): string {
  return env['HOME'] || homedir();
}

/** A path with the home folder of the user for a leading `~`. */
export function withHome(path: string): string {
  return path.replace(/^~(?=[/\\])/, homedir());
}

/** Text with `~` in place of the home folder in every path. */
export function withTilde(text: string, env: CliIo['env']): string {
  const home = homeFolder(env).replace(/[\\/]+$/, '');
  return home === '' ? text : text.replace(new RegExp(`${begin}${escaped(home)}(?![\\w.-])`, 'g'), '~');
}

/** Text with short paths: relative in the working directory, otherwise with `~`. */
export function withShortPaths(text: string, env: CliIo['env']): string {
  const here = process.cwd() + sep;
  return withTilde(here === sep ? text : text.replace(new RegExp(begin + escaped(here), 'g'), ''), env);
}

/** Where a path begins in a text. */
const begin = '(?<![\\w./\\\\-])';

function escaped(path: string): string {
  return path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
