// What the operating system knows about processes and their groups: which are alive, since when, and whose they are.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { unlessShortage } from '../kernel/shortage.js';

const pollMs = 10;
const maxPollMs = 500;

/** The environment variable that marks every engine with its Lamina, as `<pid>:<start>`. Its children inherit it. */
export const ownerVariable = 'LAMINA_OWNER';

/** Sends a signal to every process of a group; false when no process is left. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  assertGroup(group);
  try {
    process.kill(-group, signal);
    return true;
  } catch {
    return false; // ESRCH: no member. EPERM: none we may signal; on macOS also for a group of zombies.
  }
}

/** True when no process of the group is alive. Zombies are dead: PID 1 may be slow to reap them. */
export async function groupIsGone(group: number): Promise<boolean> {
  if (!signalGroup(group, 0)) return true;
  if (process.platform !== 'linux') return false;
  // Without /proc, or descriptors to read it, zombies count as alive.
  const members = await membersOf(group).catch(() => undefined);
  return members?.length === 0;
}

/** Resolves to true once the group has ended, or to false after `limitMs`. */
export async function untilGroupIsGone(group: number, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!(await groupIsGone(group))) {
    if (performance.now() >= deadline) return false;
    await delay(pollMs);
  }
  return true;
}

/** Kills what is left of a group and resolves when it has ended. */
export async function killGroup(group: number): Promise<void> {
  // A process that hangs in a driver dies late, so the pauses grow.
  for (
    let pauseMs = pollMs;
    signalGroup(group, 'SIGKILL') && !(await groupIsGone(group));
    pauseMs = Math.min(2 * pauseMs, maxPollMs)
  )
    await delay(pauseMs);
}

/**
 * Identifies when a process started, which distinguishes it from other processes with the same pid; `undefined` when it is
 * not alive. On Linux the boot id and the clock tick; elsewhere the start time from `ps`, to the second.
 * @throws Error of the system when it is short of files, processes or memory: that does not mean that the process is
 * dead
 */
export function startOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid);
}

/** {@link startOf} by `ps`, for systems without /proc. */
export function startFromPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.trim() || undefined;
  } catch (error) {
    return unlessShortage(undefined)(error);
  }
}

/** The value of {@link ownerVariable} for engines of this process. */
export function ownerMark(): string {
  return (mark ??= `${process.pid}:${startOf(process.pid) ?? ''}`);
}

let mark: string | undefined;

/** True when the group has members and each of them carries this mark. Always false except on Linux. */
export async function groupBelongsTo(owner: string, group: number): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const marks = await Promise.all((await membersOf(group)).map(ownerOf));
  return marks.length > 0 && marks.every((mark) => mark === owner);
}

async function ownerOf(pid: number): Promise<string | undefined> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(unlessShortage(''));
  const prefix = `${ownerVariable}=`;
  return environment
    .split('\0')
    .find((variable) => variable.startsWith(prefix))
    ?.slice(prefix.length);
}

/**
 * The living processes of a group, on Linux. `proc`: where the process file system is.
 * @throws Error of the system when it is short of files, or has no process file system
 */
export async function membersOf(group: number, proc = '/proc'): Promise<number[]> {
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
  const members: number[] = [];
  // One after the other: there may be more processes than this one may open files.
  for (const pid of pids) {
    const stat = parseStat(await readFile(join(proc, pid, 'stat'), 'utf8').catch(unlessShortage('')));
    if (stat?.group === group && stat.alive) members.push(Number(pid));
  }
  return members;
}

function startFromProc(pid: number): string | undefined {
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return stat?.alive === true
      ? `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${stat.start}`
      : undefined;
  } catch (error) {
    return unlessShortage(undefined)(error);
  }
}

/**
 * Fields 3, 5 and 22 of /proc/<pid>/stat (proc(5)); the name before them is in parentheses and may hold any character.
 */
function parseStat(text: string): { alive: boolean; group: number; start: string } | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group] = fields;
  const start = fields[19];
  if (state === undefined || group === undefined || start === undefined) return undefined;
  return { alive: !'ZXx'.includes(state), group: Number(group), start };
}

/** kill(-1) would reach every process of this user, so wrong numbers are refused. */
function assertGroup(group: number): void {
  if (!Number.isSafeInteger(group) || group <= 1) throw new RangeError(`${group} is not a process group of an engine`);
}
