// A program that works for minutes and ends by itself, such as an installation, run as an engine's processes are: in a
// group that is guarded.
import { ServerProcess, type ProcessEnd, type Spawn } from './server-process.js';

/** What to run, who hears of it, and until when. */
export interface Task extends Spawn {
  /** Aborting it kills the whole group. */
  readonly signal: AbortSignal;
}

/** How a task ended, and the last 200 lines it printed. */
export interface TaskResult extends ProcessEnd {
  readonly lines: readonly string[];
}

/**
 * Runs a program to its end, whatever its exit code. Resolves, and rejects, only when its whole process group is gone.
 * @throws Error when the system cannot run it; the signal's reason when that is aborted
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
