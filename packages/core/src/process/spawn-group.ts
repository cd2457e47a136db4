// Starts a program as the leader of a process group of its own.
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Options, ResultPromise } from 'execa';
import { isShortage } from '../kernel/shortage.js';

/**
 * Six for the pipes of a spawn: standard output and error on either side, and two by which the child reports that it
 * could not run the program. The rest is for what other threads of this process may open at the same moment.
 */
const descriptorsOfSpawn = 24;

const groupOptions = {
  detached: true, // A process group of its own, and a session: no terminal's Ctrl-C reaches it.
  stdin: 'ignore',
  reject: false,
  extendEnv: false,
} as const satisfies Options;

/** `env` is the whole environment of the program; nothing is inherited. */
export interface SpawnOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A running program. Its output must be read; awaiting it gives its result. */
export type GroupLeader = ResultPromise<typeof groupOptions> & { readonly pid: number };

/**
 * Loads execa, a fifth of what core costs to import; a command that starts no process does without. A Lamina that owns
 * its data directory loads it when it starts: Node never retries an import that failed for lack of descriptors.
 */
export function loadExeca(): Promise<typeof import('execa')> {
  return import('execa');
}

/**
 * Starts a program. With `keptOutput`, execa collects its output, up to that many characters per stream.
 * @throws Error of the system when the program cannot run; nothing is left behind then
 */
export async function spawnGroup(
  executable: string,
  args: readonly string[],
  { env, cwd }: SpawnOptions,
  keptOutput?: number,
): Promise<{ readonly leader: GroupLeader }> {
  requireDescriptors();
  const { execa } = await loadExeca();
  const output = keptOutput === undefined ? { buffer: false } : { maxBuffer: keptOutput };
  const options = { ...groupOptions, ...output, env, ...(cwd === undefined ? {} : { cwd }) };
  const leader = execa(executable, [...args], options) as GroupLeader;
  // In an object: an async function would wait for the promise that the leader is.
  if (leader.pid !== undefined) return { leader };
  const { cause, originalMessage } = await leader;
  // execa's message has more details than the system's, such as which directory does not exist.
  throw isShortage(cause) ? cause : new Error(originalMessage ?? `cannot run ${executable}`, { cause });
}

/**
 * Throws when there are too few descriptors for a spawn. Node notices too, but leaks the pipes it has opened by then
 * (`ChildProcess.prototype.spawn` returns on EMFILE before it closes them; seen with 20.20.2), and execa 9 then ends the
 * process: it expects streams on the child, and nobody listens to its `error`.
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
