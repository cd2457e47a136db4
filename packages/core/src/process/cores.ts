// How many processor cores this process may use.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { posix } from 'node:path';

/** Physical cores: two threads of one core compute no faster than one. */
export interface Cores {
  /** Those of this machine. */
  readonly all: number;
  /**
   * Those this process may use: on the processors it may run on (affinity), and no more than its control groups' quota
   * is worth; at least 1.
   */
  readonly usable: number;
}

/** Reads a file of the system; `undefined` when there is none. */
type ReadText = (path: string) => string | undefined;

const cpuDirectory = '/sys/devices/system/cpu';

/** Exact on Linux; elsewhere each logical processor counts as a usable core. */
export function cores(read: ReadText = readText): Cores {
  const online = numbersIn(read(`${cpuDirectory}/online`));
  if (online.length === 0) return { all: availableParallelism(), usable: availableParallelism() };
  const allowed = new Set(numbersIn(/^Cpus_allowed_list:\s*(\S+)/m.exec(read('/proc/self/status') ?? '')?.[1]));
  const coresOf = (processors: readonly number[]) =>
    new Set(
      processors.map(
        (number) => read(`${cpuDirectory}/cpu${number}/topology/thread_siblings_list`)?.trim() ?? `${number}`,
      ),
    ).size;
  const all = coresOf(online);
  const runnable = allowed.size === 0 ? all : coresOf(online.filter((number) => allowed.has(number)));
  return { all, usable: Math.max(1, Math.min(runnable, Math.floor(quota(read)))) };
}

/** The numbers of a list such as `0-3,8`. */
function numbersIn(list = ''): readonly number[] {
  return list
    .trim()
    .split(',')
    .filter(Boolean)
    .flatMap((range) => {
      const [first, last = first] = range.split('-').map(Number) as [number, number?];
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

/** Processors' worth of time that the control groups of this process allow, whichever allows least (cgroups(7)). */
function quota(read: ReadText): number {
  let least = Infinity;
  for (const line of (read('/proc/self/cgroup') ?? '').trim().split('\n')) {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const quotaIn = controllers === '' ? quotaOfVersion2 : quotaOfVersion1;
    if (controllers !== '' && !controllers.split(',').includes('cpu')) continue;
    // A container may see its own group as the root, whatever the path says: directories that are not there allow
    // everything.
    for (let group = posix.join('/', path); ; group = posix.dirname(group)) {
      least = Math.min(least, quotaIn(group, read));
      if (group === '/') break;
    }
  }
  return least;
}

/** `max 100000`, or `150000 100000`: so many microseconds in each of so many. */
function quotaOfVersion2(group: string, read: ReadText): number {
  const [most, period] = (read(posix.join('/sys/fs/cgroup', group, 'cpu.max')) ?? '').trim().split(' ').map(Number);
  return most === undefined || period === undefined || Number.isNaN(most) ? Infinity : most / period;
}

/** -1 for no limit. */
function quotaOfVersion1(group: string, read: ReadText): number {
  const [most, period] = ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) =>
    Number(read(posix.join('/sys/fs/cgroup/cpu', group, name))),
  ) as [number, number];
  return most > 0 && period > 0 ? most / period : Infinity;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
