// Starts a program as the leader of a process group of its own.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { devNull } from 'node:os';
import type { Readable } from 'node:stream';
import { unlessShortage } from '../contract/shortage.js';

/** Three for standard input, output and error on either side, two more by which the child says that it could not run the program. */
const descriptorsOfSpawn = 8;

/** A program that runs; it reads nothing, and what it prints must be read. */
export type GroupLeader = ChildProcessByStdio<null, Readable, Readable> & { readonly pid: number };

/** Where it runs: `env` is its whole environment, nothing is inherited. */
export interface SpawnOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * Resolves once the program runs, in a process group and a session of its own: no terminal's Ctrl-C reaches it.
 * @throws Error of the system when it cannot be run; nothing is left then
 */
export async function spawnGroup(executable: string, args: readonly string[], options: SpawnOptions): Promise<GroupLeader> {
  requireDescriptors();
  const child = spawn(executable, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  child.on('error', () => undefined); // Of a spawn that failed, `once` rejects with it; later ones are of signals, which are sent to groups.
  try {
    await once(child, 'spawn');
  } catch (error) {
    const { cwd } = options; // Without its directory, the system says the same as without the program.
    throw cwd === undefined || (await isDirectory(cwd)) ? error : new Error(`there is no directory ${cwd} for it to run in`, { cause: error });
  }
  return child as GroupLeader;
}

/**
 * Throws when there are too few descriptors for a spawn. Node finds that out too, but keeps the pipes it has opened by then, for good
 * (`ChildProcess.prototype.spawn` returns on EMFILE before it closes them; seen with 20.20.2): two descriptors with every try.
 * @throws Error EMFILE or ENFILE
 */
export function requireDescriptors(): void {
  const opened: number[] = [];
  try {
    while (opened.length < descriptorsOfSpawn) opened.push(openSync(devNull, 'r'));
  } finally {
    opened.forEach(closeSync);
  }
}

function isDirectory(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), unlessShortage(false));
}
