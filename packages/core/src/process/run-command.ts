// A short command, such as `--version`, run to its end.
import { LaminaError } from '../contract/errors.js';
import type { RunResult } from './description.js';
import { signalGroup } from './process-table.js';

const limitMs = 60_000; // vLLM's --version may take 20 s: it imports torch.
const longestOutput = 10_000_000;

/**
 * Runs a command in a process group of its own and answers with what it printed, whatever its exit code.
 * @throws LaminaError `TIMEOUT` after 60 s, `NOT_SUPPORTED` when it cannot be run at all; the signal's reason when that is aborted
 */
export async function runCommand(executable: string, args: readonly string[], options: { env: Record<string, string>; signal: AbortSignal }): Promise<RunResult> {
  const { env, signal } = options;
  const { execa } = await import('execa'); // Not before it is needed: with undici it was a quarter of the time to load core.
  signal.throwIfAborted();
  const child = execa(executable, [...args], { detached: true, stdin: 'ignore', reject: false, extendEnv: false, env, maxBuffer: longestOutput });
  const kill = () => void (child.pid !== undefined && signalGroup(child.pid, 'SIGKILL'));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, limitMs);
  signal.addEventListener('abort', kill, { once: true });
  child.once('exit', kill); // A child it left behind would hold the pipes open.
  try {
    const result = await child;
    signal.throwIfAborted();
    if (late) throw new LaminaError('TIMEOUT', { message: `"${[executable, ...args].join(' ')}" did not end within ${limitMs / 1000} s.` });
    if (child.pid === undefined) throw new LaminaError('NOT_SUPPORTED', { message: result.originalMessage ?? `${executable} cannot be run.` });
    // eslint-disable-next-line no-restricted-syntax -- As Node says it: ended by a signal.
    return { code: result.exitCode ?? null, stdout: result.stdout, stderr: result.stderr };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
}
