// Finds the process that listens on a port: in /proc on Linux, with lsof on macOS.
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';

/** A process that listens. */
export interface PortHolder {
  readonly pid: number;
  /** Its program in a word or two, such as `node lamina-server.js`; empty: unknown. */
  readonly program: string;
}

/** The state LISTEN in /proc/net/tcp, see proc(5). */
const listening = '0A';

/** The process that listens on a port, if the system says it to this user. @throws the reason of the signal */
export async function processAtPort(port: number, signal: AbortSignal): Promise<PortHolder | undefined> {
  const pid = process.platform === 'linux' ? await pidFromProc(port, signal) : await pidFromLsof(port, signal);
  return pid === undefined ? undefined : { pid, program: await programOf(pid, signal) };
}

async function pidFromProc(port: number, signal: AbortSignal): Promise<number | undefined> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  const rows = tables.flatMap((table) => table.split('\n').slice(1)).map((line) => line.trim().split(/\s+/));
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = new Set(
    rows.filter((row) => row[1]?.endsWith(suffix) === true && row[3] === listening).map((row) => `socket:[${row[9]}]`),
  );
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // One after the other: there may be more processes than this one may open files.
  for (const pid of pids) {
    signal.throwIfAborted();
    const folder = `/proc/${pid}/fd`;
    // Processes of other users hide their files, and some end meanwhile.
    const files = await readdir(folder).catch(() => []);
    const links = await Promise.all(files.map((file) => readlink(`${folder}/${file}`).catch(() => '')));
    if (links.some((link) => sockets.has(link))) return Number(pid);
  }
  return undefined;
}

async function pidFromLsof(port: number, signal: AbortSignal): Promise<number | undefined> {
  const text = await output('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fp'], signal);
  const pid = /^p(\d+)$/m.exec(text)?.[1];
  return pid === undefined ? undefined : Number(pid);
}

/** The program, and for Node the script: never its arguments, which may be secrets. */
async function programOf(pid: number, signal: AbortSignal): Promise<string> {
  if (process.platform !== 'linux')
    return basename((await output('ps', ['-o', 'comm=', '-p', String(pid)], signal)).trim());
  const [program = '', script = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const name = basename(program);
  return name === 'node' && /\.[cm]?[jt]s$/.test(script) ? `${name} ${basename(script)}` : name;
}

/** What a program prints; nothing when it is not here or fails. */
async function output(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { signal }).catch(() => ({ stdout: '' }));
  signal.throwIfAborted();
  return stdout;
}
