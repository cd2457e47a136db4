// Starts a program as the leader of a process group of its own.
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { execa, type Options, type ResultPromise } from 'execa';
import { isShortage } from '../kernel/shortage.js';

/**
 * Six for the pipes of a spawn: standard output and error on either side, and two by which the child says that it could
 * not run the program. The rest is for what other threads of this process may open at the same moment.
 */
const descriptorsOfSpawn = 24;

const groupOptions = {
  detached: true, // A process group of its own, and a session: no terminal's Ctrl-C reaches it.
  stdin: 'ignore',
  reject: false,
  extendEnv: false,
} as const satisfies Options;

/** Where a program runs: `env` is its whole environment, nothing is inherited. */
export interface SpawnOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A program that runs; it reads nothing, and what it prints must be read. Awaited, it is how it ended. */
export type GroupLeader = ResultPromise<typeof groupOptions> & { readonly pid: number };

/**
 * Starts a program. With `keptOutput`, execa reads and keeps what it prints, up to so many characters of each stream.
 * @throws Error of the system when the program cannot be run; nothing is left then
 */
export async function spawnGroup(
  executable: string,
  args: readonly string[],
  { env, cwd }: SpawnOptions,
  keptOutput?: number,
): Promise<{ readonly leader: GroupLeader }> {
  requireDescriptors();
  const output = keptOutput === undefined ? { buffer: false } : { maxBuffer: keptOutput };
  const options = { ...groupOptions, ...output, env, ...(cwd === undefined ? {} : { cwd }) };
  const leader = execa(executable, [...args], options) as GroupLeader;
  // In an object: an async function would wait for the promise that the leader is.
  if (leader.pid !== undefined) return { leader };
  const { cause, originalMessage } = await leader;
  // execa's message says more than the system's, such as which directory does not exist.
  throw isShortage(cause) ? cause : new Error(originalMessage ?? `${executable} cannot be run`, { cause });
}

/**
 * Throws when there are too few descriptors for a spawn. Node finds that out too, but keeps the pipes it has opened by
 * then, for good (`ChildProcess.prototype.spawn` returns on EMFILE before it closes them; seen with 20.20.2), and execa
 * 9 then fails in a way that ends the process: it takes the child for one with streams, and nobody listens to its
 * `error`.
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
