// Finds the processes that a test started, directly or not, and that are still running.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { engineEnvironment } from '@lamina/core/plugin';

const mark = `LAMINA_OWNER=${engineEnvironment({}, [])['LAMINA_OWNER']}`;

/** A running process. Zombies do not count; they only wait to be reaped. */
export interface LivingProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Start time in the format of the system; together with the pid it identifies a process. */
  readonly start: string;
  /** Its command line. */
  readonly command: string;
}

/** All running processes, from /proc where it exists, else from `ps`. */
export function livingProcesses(): LivingProcess[] {
  return existsSync('/proc/self/stat') ? fromProc() : fromPs();
}

function fromProc(): LivingProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return readProc(pid);
      } catch {
        return []; // It ended in the meantime.
      }
    });
}

/**
 * proc(5): state, parent and group are fields 3 to 5, the start is field 22; the name before them may hold spaces and
 * brackets.
 */
function readProc(pid: string): LivingProcess[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if ('ZX'.includes(fields[0]!)) return [];
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  return [{ pid: Number(pid), parent: Number(fields[1]), group: Number(fields[2]), start: fields[19]!, command }];
}

/** Like {@link livingProcesses}, for systems without /proc. */
export function fromPs(): LivingProcess[] {
  const ps = spawnSync('ps', ['-A', '-ww', '-o', 'pid=,ppid=,pgid=,stat=,lstart=,args='], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
  });
  return ps.stdout.split('\n').flatMap((line) => {
    const [, pid, parent, group, state, start, command] =
      /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+ +\S+ +\S+ +\S+ +\S+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || state!.startsWith('Z') || Number(pid) === ps.pid) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), start: start!, command: command! }];
  });
}

/**
 * Finds processes that are started from now on. Call `living()` while they run: a process that left its group and lost
 * its parent is found only if it was seen before.
 */
export class ProcessWatch {
  /** Process groups of the test, whatever their parents are. */
  readonly groups = new Set<number>();
  readonly #before = new Set(livingProcesses().map(identity));
  readonly #seen = new Set<string>();

  /** All processes that were started since and are running. */
  living(): LivingProcess[] {
    const all = livingProcesses();
    const parents = new Map(all.map((row) => [row.pid, row.parent]));
    const ours = all.filter((row) => {
      if (this.#before.has(identity(row))) return false;
      return (
        this.#seen.has(identity(row)) || this.groups.has(row.group) || descends(row.pid, parents) || isMarked(row.pid)
      );
    });
    for (const row of ours) this.#seen.add(identity(row));
    return ours;
  }

  /** Kills all processes that were started since. */
  kill(): void {
    for (const { pid } of this.living()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended already.
      }
    }
  }
}

/** Whether it has the environment variable of engines that this process started. Works only with /proc. */
function isMarked(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark);
  } catch {
    return false;
  }
}

function identity({ pid, start }: LivingProcess): string {
  return `${pid} ${start}`;
}

/** Whether this process is an ancestor. */
function descends(pid: number, parents: ReadonlyMap<number, number>): boolean {
  for (let parent = parents.get(pid); parent !== undefined && parent > 1; parent = parents.get(parent)) {
    if (parent === process.pid) return true;
  }
  return false;
}
