// The memory of this machine, and of the processes on it.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import type { SystemMemory } from '../contract/processes.js';
import { unlessShortage } from '../kernel/shortage.js';
import { Cgroups, killsIn } from './cgroups.js';
import { membersOf } from './process-table.js';

/** What the system says. */
export class MachineMemory implements SystemMemory {
  private readonly cgroups: Cgroups;

  /** `root`: where `/proc` and `/sys` are. */
  constructor(private readonly root = '/') {
    this.cgroups = new Cgroups(root);
  }

  read(): { readonly totalBytes: number; readonly availableBytes: number } {
    const limits = this.cgroups.limits();
    return {
      totalBytes: Math.min(totalmem(), ...limits.map(({ limitBytes }) => limitBytes)),
      availableBytes: Math.min(freemem(), ...limits.map(({ availableBytes }) => availableBytes)),
    };
  }

  async residentBytes(pid: number): Promise<number | undefined> {
    if (process.platform !== 'linux') return undefined;
    const members = await membersOf(pid).catch(() => []);
    const sizes = await Promise.all(members.map((member) => this.residentOf(member)));
    return sizes.length === 0 ? undefined : sizes.reduce((sum, bytes) => sum + bytes, 0);
  }

  outOfMemoryKills(): number {
    return this.cgroups.kills() + killsIn(this.vmstat());
  }

  /** Memory of the process itself and what it shares, without pages of files (proc(5)). */
  private async residentOf(pid: number): Promise<number> {
    const status = await readFile(join(this.root, 'proc', String(pid), 'status'), 'utf8').catch(unlessShortage(''));
    const lines = [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)];
    return lines.reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1024, 0);
  }

  private vmstat(): string {
    try {
      return readFileSync(join(this.root, 'proc/vmstat'), 'utf8');
    } catch {
      return '';
    }
  }
}

/** The memory of the machine this process runs on. */
export const systemMemory = new MachineMemory();
