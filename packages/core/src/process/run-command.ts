// Runs a short command, such as `--version`, to its end.
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import { isShortage } from '../kernel/shortage.js';
import type { RunResult } from './description.js';
import { signalGroup } from './process-table.js';
import { spawnGroup } from './spawn-group.js';

const timeoutMs = 60_000; // vLLM's --version may take 20 s: it imports torch.
const maxOutput = 10_000_000;

/**
 * Runs a command in a process group of its own and returns its output, whatever its exit code.
 * @throws LaminaError `TIMEOUT` after 60 s, `NOT_SUPPORTED` when it cannot run; the system's error when that is short of
 * files, processes or memory; the signal's reason when it is aborted
 */
export async function runCommand(
  executable: string,
  args: readonly string[],
  { env, signal }: { env: Record<string, string>; signal: AbortSignal },
): Promise<RunResult> {
  signal.throwIfAborted();
  const { leader: child } = await start(executable, args, env);
  const kill = () => {
    signalGroup(child.pid, 'SIGKILL');
    // A child that left the group may hold them open.
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
  };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, timeoutMs);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  child.once('exit', () => signalGroup(child.pid, 'SIGKILL')); // A child it left behind would hold the pipes open.
  try {
    const { exitCode, stdout, stderr } = await child;
    signal.throwIfAborted();
    if (timedOut) {
      const command = [executable, ...args].join(' ');
      throw new LaminaError('TIMEOUT', { message: `"${command}" did not end within ${timeoutMs / 1000} s.` });
    }
    // eslint-disable-next-line no-restricted-syntax -- Node's value for a process that a signal ended.
    return { code: exitCode ?? null, stdout, stderr };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
}

async function start(executable: string, args: readonly string[], env: Record<string, string>) {
  try {
    return await spawnGroup(executable, args, { env }, maxOutput);
  } catch (error) {
    if (isShortage(error)) throw error;
    throw new LaminaError('NOT_SUPPORTED', { message: reasonOf(error) });
  }
}
