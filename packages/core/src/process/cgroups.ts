// The memory limits of the containers (cgroups, version 1 and 2) that this process runs in.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The names of the files of one version of cgroups. */
interface Files {
  readonly limit: string;
  readonly usage: string;
  /** Lines of `memory.stat` for pages of files, which the system gives back when memory is short. */
  readonly pages: RegExp;
  readonly events: string;
}

const version1: Files = {
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  pages: /^total_(?:in)?active_file (\d+)$/gm,
  events: 'memory.oom_control',
};
const version2: Files = {
  limit: 'memory.max',
  usage: 'memory.current',
  pages: /^(?:in)?active_file (\d+)$/gm,
  events: 'memory.events',
};

/** The limit of a cgroup and what is left of it, in bytes. */
export interface MemoryLimit {
  readonly limitBytes: number;
  readonly availableBytes: number;
}

/** The cgroups of this process with all their parents: a limit of any of them holds. */
export class Cgroups {
  private readonly groups: readonly { readonly directory: string; readonly files: Files }[];

  /** `root`: where `/proc` and `/sys` are. */
  constructor(private readonly root = '/') {
    this.groups = this.find();
  }

  /** Those that have a limit. Files that are missing or hold no number mean that there is none. */
  limits(): readonly MemoryLimit[] {
    return this.groups.flatMap(({ directory, files }) => {
      const limitBytes = numberIn(directory, files.limit);
      // Version 1 writes "no limit" as the largest multiple of a page.
      if (limitBytes === undefined || limitBytes > Number.MAX_SAFE_INTEGER) return [];
      const usedBytes = numberIn(directory, files.usage);
      if (usedBytes === undefined) return [{ limitBytes, availableBytes: limitBytes }];
      const pages = [...textOf(directory, 'memory.stat').matchAll(files.pages)];
      const pageBytes = pages.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
      return [{ limitBytes, availableBytes: Math.max(0, limitBytes - Math.max(0, usedBytes - pageBytes)) }];
    });
  }

  /** How many processes the system has killed in them because memory ran out. */
  kills(): number {
    return this.groups.reduce((sum, { directory, files }) => sum + killsIn(textOf(directory, files.events)), 0);
  }

  private find(): { directory: string; files: Files }[] {
    const lines = textOf(join(this.root, 'proc/self'), 'cgroup').split('\n');
    return lines.flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (path === undefined) return [];
      if (controllers === '') return this.withParents(['sys/fs/cgroup', 'sys/fs/cgroup/unified'], path, version2);
      if (controllers!.split(',').includes('memory')) return this.withParents(['sys/fs/cgroup/memory'], path, version1);
      return [];
    });
  }

  /** In a container the path can be one of the host, which does not exist here: then the mount itself is its cgroup. */
  private withParents(mounts: readonly string[], path: string, files: Files): { directory: string; files: Files }[] {
    const names = path.split('/').filter((name) => name !== '' && name !== '..');
    const paths = names.map((_, index) => names.slice(0, index + 1).join('/'));
    return mounts
      .flatMap((mount) => ['', ...paths].map((inner) => join(this.root, mount, inner)))
      .filter((directory) => existsSync(join(directory, files.limit)) || existsSync(join(directory, files.events)))
      .map((directory) => ({ directory, files }));
  }
}

/** The count of the line `oom_kill` of a file of the system. */
export function killsIn(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

function numberIn(directory: string, name: string): number | undefined {
  const text = textOf(directory, name).trim();
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function textOf(directory: string, name: string): string {
  try {
    return readFileSync(join(directory, name), 'utf8');
  } catch {
    return '';
  }
}
