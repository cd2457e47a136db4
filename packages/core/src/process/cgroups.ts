// The control groups (cgroups) that limit the memory of this process: its own and every parent, of both versions.
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

/** The memory files of one control group. */
interface MemoryGroup {
  readonly limits: readonly string[];
  readonly usage: string;
  readonly stat: string;
  readonly events: string;
  /** The lines of `stat` with pages that the system takes back before it kills anything. */
  readonly reclaimable: RegExp;
}

const version1 = {
  limits: ['memory.limit_in_bytes'],
  usage: 'memory.usage_in_bytes',
  stat: 'memory.stat',
  events: 'memory.oom_control',
  reclaimable: /^total_(?:inactive|active)_file (\d+)/gm,
};

/** Beyond `memory.high` processes are slowed down so much that it is a limit too. */
const version2 = {
  limits: ['memory.max', 'memory.high'],
  usage: 'memory.current',
  stat: 'memory.stat',
  events: 'memory.events',
  reclaimable: /^(?:inactive_file|active_file|slab_reclaimable) (\d+)/gm,
};

/** The limit of a group, and what it may still get. */
export interface GroupMemory {
  readonly limitBytes: number;
  readonly availableBytes: number;
}

/** Reads the memory of the control groups below `root`, which has the directories `proc` and `sys`. */
export class MemoryGroups {
  private readonly groups: readonly MemoryGroup[];
  private readonly vmstat: string;

  constructor(root: string) {
    this.groups = groupsOf(root);
    this.vmstat = posix.join(root, 'proc/vmstat');
  }

  /** The groups whose limit is known and below `totalBytes`. */
  limited(totalBytes: number): readonly GroupMemory[] {
    return this.groups.flatMap((group) => {
      const limitBytes = Math.min(...group.limits.map((path) => bytesIn(readText(path)) ?? Infinity));
      if (limitBytes >= totalBytes) return [];
      const used = bytesIn(readText(group.usage)) ?? 0;
      const pages = sum(readText(group.stat).matchAll(group.reclaimable));
      return [{ limitBytes, availableBytes: Math.max(0, limitBytes - Math.max(0, used - pages)) }];
    });
  }

  /**
   * How many processes the system has killed for lack of memory, on this machine (`/proc/vmstat`) and in these groups; 0
   * when it does not tell.
   */
  kills(): number {
    const files = [this.vmstat, ...this.groups.map(({ events }) => events)];
    return files.reduce((total, path) => total + Number(/^oom_kill (\d+)/m.exec(readText(path))?.[1] ?? 0), 0);
  }
}

/** A container may see its own group as the root, whatever the path says: directories that are not there are skipped. */
function groupsOf(root: string): readonly MemoryGroup[] {
  const lines = readText(posix.join(root, 'proc/self/cgroup')).trim().split('\n');
  return lines.flatMap((line) => {
    const [, controllers, path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined) return [];
    if (controllers === '') return chain(posix.join(root, 'sys/fs/cgroup'), path, version2);
    return controllers.split(',').includes('memory')
      ? chain(posix.join(root, 'sys/fs/cgroup/memory'), path, version1)
      : [];
  });
}

function chain(mount: string, path: string, files: typeof version1): MemoryGroup[] {
  const groups: MemoryGroup[] = [];
  for (let group = posix.join('/', path); ; group = posix.dirname(group)) {
    const at = (name: string) => posix.join(mount, group, name);
    if (existsSync(at(files.stat)))
      groups.push({
        limits: files.limits.map(at).filter((file) => existsSync(file)),
        usage: at(files.usage),
        stat: at(files.stat),
        events: at(files.events),
        reclaimable: files.reclaimable,
      });
    if (group === '/') return groups;
  }
}

/** `undefined` for `max` and for everything else that is not an amount. */
function bytesIn(text: string): number | undefined {
  const trimmed = text.trim();
  return /^\d+$/.test(trimmed) ? Number(trimmed) : undefined;
}

function sum(matches: Iterable<RegExpMatchArray>): number {
  let total = 0;
  for (const [, bytes] of matches) total += Number(bytes);
  return total;
}

/** Empty when there is no such file, or it cannot be read. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
