// Runs a program that works for minutes and ends by itself, such as an installation, in a guarded process group.
import { ServerProcess, type ProcessEnd, type Spawn } from './server-process.js';

/** What to run, and for how long. */
export interface Task extends Spawn {
  /** Aborting it kills the whole group. */
  readonly signal: AbortSignal;
}

/** How a task ended, and its last 200 lines of output. */
export interface TaskResult extends ProcessEnd {
  readonly lines: readonly string[];
}

/**
 * Runs a program to its end, whatever its exit code. Settles only when its whole process group has ended.
 * @throws Error when the system cannot run it; the signal's reason when it is aborted
 */
export async function runTask({ signal, ...spawn }: Task): Promise<TaskResult> {
  signal.throwIfAborted();
  const process = await ServerProcess.spawn(spawn);
  const kill = () => void process.kill();
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  try {
    const end = await process.closed;
    signal.throwIfAborted();
    return { ...end, lines: process.lines };
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
