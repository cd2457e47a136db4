// A control group (cgroup) with little memory, for a program that is to run out of it.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Where groups are made, and the files that limit one: the first must be there, swap may not be limited. */
interface GroupKind {
  readonly root: string;
  readonly limits: (bytes: number) => readonly (readonly [file: string, value: number])[];
}

const version1: GroupKind = {
  root: '/sys/fs/cgroup/memory',
  limits: (bytes) => [
    ['memory.limit_in_bytes', bytes],
    ['memory.memsw.limit_in_bytes', bytes],
  ],
};

const version2: GroupKind = {
  root: '/sys/fs/cgroup',
  limits: (bytes) => [
    ['memory.max', bytes],
    ['memory.swap.max', 0],
  ],
};

/** A group, with nothing in it yet. */
export class ControlGroup {
  private constructor(readonly path: string) {}

  /** @throws Error of the system where this user cannot make one */
  static create(memoryBytes: number): ControlGroup {
    const { root, limits } = existsSync(version1.root) ? version1 : version2;
    const path = join(root, `lamina-test-${process.pid}`);
    mkdirSync(path);
    try {
      limits(memoryBytes).forEach(([file, value], index) => {
        if (index === 0 || existsSync(join(path, file))) writeFileSync(join(path, file), String(value), { flag: 'r+' });
      });
      return new ControlGroup(path);
    } catch (error) {
      rmdirSync(path);
      throw error;
    }
  }

  /** Why no group can be made here; `undefined` when one can. */
  static problem(): string | undefined {
    try {
      rmdirSync(ControlGroup.create(1e9).path);
      return undefined;
    } catch (error) {
      return `no control group with a memory limit can be made: ${(error as NodeJS.ErrnoException).code}`;
    }
  }

  /** A command that runs another one in the group. */
  command(executable: string, args: readonly string[]): readonly [file: string, args: readonly string[]] {
    return ['/bin/sh', ['-c', 'echo $$ > "$0" && exec "$@"', join(this.path, 'cgroup.procs'), executable, ...args]];
  }

  /** Removes the group once its last process has ended; the system has no event for that. */
  async remove(): Promise<void> {
    while (readFileSync(join(this.path, 'cgroup.procs'), 'utf8') !== '') await delay(10);
    rmdirSync(this.path);
  }
}
