// Reads /proc for the processes of a run: which are alive, their parents, and their open descriptors.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { markVariable } from './settings.js';

/** A running process. Its pid and start time identify it. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly start: string;
  readonly command: string;
}

/** The processes that have a variable with this value in their environment. */
export function processesWith(variable: string, value: (text: string) => boolean): Process[] {
  return living().filter(({ pid }) => {
    const entry = read(pid, 'environ')
      .split('\0')
      .find((one) => one.startsWith(`${variable}=`));
    return entry !== undefined && value(entry.slice(variable.length + 1));
  });
}

/** The children of a process; the guard is one of them and has no mark. */
export function childrenOf(parent: number): Process[] {
  return living().filter((one) => one.parent === parent);
}

/** True while this exact process is alive. */
export function isAlive({ pid, start }: Pick<Process, 'pid' | 'start'>): boolean {
  return describe(pid)?.start === start;
}

/** The engine with a pid reported by the server; `undefined` when that process has ended or is not of this run. */
export function engineAt(pid: number, mark: string): Process | undefined {
  if (!read(pid, 'environ').split('\0').includes(`${markVariable}=${mark}`)) return undefined;
  return describe(pid);
}

/** Sends a signal to exactly this process; false when it has ended. */
export function signal(target: Process, name: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, name);
  } catch {
    return false;
  }
}

/** The open descriptors of a process by kind: `socket`, `pipe`, `anon_inode`, or the path of a file. */
export function openDescriptors(pid: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    const target = tryTo(() => readlinkSync(`/proc/${pid}/fd/${name}`));
    if (target === undefined) continue;
    const kind = /^(socket|pipe):/.exec(target)?.[1] ?? target;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** Resident memory in MiB. */
export function residentMiB(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(read(pid, 'status'))?.[1] ?? 0) / 1024);
}

function living(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => describe(Number(name)) ?? []);
}

/** Fields 3, 4 and 22 of /proc/<pid>/stat, see proc(5); a zombie has ended. */
function describe(pid: number): Process | undefined {
  const stat = read(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (stat === '' || 'ZX'.includes(fields[0]!)) return undefined;
  return {
    pid,
    parent: Number(fields[1]),
    start: fields[19]!,
    command: read(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 120),
  };
}

/** A file of /proc; empty when the process has ended, or may not be read. */
function read(pid: number, file: string): string {
  return tryTo(() => readFileSync(`/proc/${pid}/${file}`, 'utf8')) ?? '';
}

function tryTo<T>(readEntry: () => T): T | undefined {
  try {
    return readEntry();
  } catch {
    return undefined;
  }
}
