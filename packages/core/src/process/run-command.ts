// A short command, such as `--version`, run to its end.
import { once } from 'node:events';
import { LaminaError, reasonOf } from '../contract/errors.js';
import { isShortage } from '../contract/shortage.js';
import type { RunResult } from './description.js';
import { signalGroup } from './process-table.js';
import { spawnGroup, type GroupLeader } from './spawn-group.js';

const limitMs = 60_000; // vLLM's --version may take 20 s: it imports torch.
const longestOutput = 10_000_000; // Of each stream, in characters; what comes behind it is dropped.

/**
 * Runs a command in a process group of its own and answers with what it printed, whatever its exit code.
 * @throws LaminaError `TIMEOUT` after 60 s, `NOT_SUPPORTED` when it cannot be run at all; the system's error when the system is short of
 * files, processes or memory; the signal's reason when that is aborted
 */
export async function runCommand(executable: string, args: readonly string[], options: { env: Record<string, string>; signal: AbortSignal }): Promise<RunResult> {
  const { env, signal } = options;
  signal.throwIfAborted();
  const child = await run(executable, args, env);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      if (output[name].length < longestOutput) output[name] += text;
    });
    child[name].on('error', () => undefined); // A pipe that breaks is an end.
  }
  const kill = () => {
    signalGroup(child.pid, 'SIGKILL');
    for (const stream of [child.stdout, child.stderr]) stream.destroy(); // A child that left the group may hold them open.
  };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, limitMs);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  child.once('exit', () => signalGroup(child.pid, 'SIGKILL')); // A child it left behind would hold the pipes open.
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    signal.throwIfAborted();
    if (late) throw new LaminaError('TIMEOUT', { message: `"${[executable, ...args].join(' ')}" did not end within ${limitMs / 1000} s.` });
    return { code, stdout: withoutLastBreak(output.stdout), stderr: withoutLastBreak(output.stderr) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
}

async function run(executable: string, args: readonly string[], env: Record<string, string>): Promise<GroupLeader> {
  try {
    return await spawnGroup(executable, args, { env });
  } catch (error) {
    if (isShortage(error)) throw error;
    throw new LaminaError('NOT_SUPPORTED', { message: reasonOf(error) });
  }
}

function withoutLastBreak(text: string): string {
  return text.replace(/\r?\n$/, '');
}
