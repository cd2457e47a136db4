// Runs lamina-server as a child process, and finds processes in /proc.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../packages/server-koa/bin/lamina-server.js', import.meta.url));

/** A running lamina-server. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** Resolves with the exit code, or the name of the signal. */
  readonly exited: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
  /** Its standard error so far. */
  readonly log: () => string;
}

/** Starts `lamina-server` with these arguments and waits for the line with its URL. */
export async function startServer(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [program, '--port', '0', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  const [line] = (await Promise.race([
    once(child.stdout.setEncoding('utf8'), 'data'),
    exited.then((code) => [`exited with ${code}: ${log}`]),
  ])) as [string];
  const url = /http:\/\/\S+/.exec(line)?.[0];
  if (url === undefined) throw new Error(`lamina-server did not start: ${line}`);
  return { url, pid: child.pid!, exited, kill: (signal) => void child.kill(signal), log: () => log };
}

/** Processes whose command line contains a text; zombies do not count. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && commandOf(pid).includes(text));
}

function commandOf(pid: number): string {
  try {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) return '';
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
