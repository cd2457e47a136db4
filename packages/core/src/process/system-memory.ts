// The memory of this machine, and of the processes on it.
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import type { SystemMemory } from '../contract/processes.js';
import { unlessShortage } from '../kernel/shortage.js';
import { MemoryGroups } from './cgroups.js';
import { membersOf } from './process-table.js';

/**
 * On Linux from the files in `proc` and `sys` below `root`; elsewhere what Node says, and nothing about processes. The
 * control groups are found once; their limits are read each time.
 */
export function systemMemory(root = '/'): SystemMemory {
  if (process.platform !== 'linux')
    return {
      read: () => bounded(totalmem(), freemem()),
      residentBytes: () => Promise.resolve(undefined),
      outOfMemoryKills: () => 0,
    };
  const groups = new MemoryGroups(root);
  const meminfo = join(root, 'proc/meminfo');
  return {
    read() {
      const { total, available } = machineMemory(meminfo);
      const limits = groups.limited(total);
      return bounded(
        Math.min(total, ...limits.map(({ limitBytes }) => limitBytes)),
        Math.min(available, ...limits.map(({ availableBytes }) => availableBytes)),
      );
    },
    async residentBytes(pid) {
      const members = await membersOf(pid, join(root, 'proc'));
      const held = await Promise.all(members.map((member) => memoryOf(join(root, 'proc', String(member), 'status'))));
      const known = held.filter((memory) => memory !== undefined);
      if (known.length === 0) return undefined;
      // Processes of a group share their shared memory: the largest part has all of it.
      return Math.max(...known.map(({ shared }) => shared)) + known.reduce((total, { own }) => total + own, 0);
    },
    outOfMemoryKills: () => groups.kills(),
  };
}

function bounded(totalBytes: number, availableBytes: number): ReturnType<SystemMemory['read']> {
  return { totalBytes, availableBytes: Math.max(0, Math.min(availableBytes, totalBytes)) };
}

function machineMemory(meminfo: string): { total: number; available: number } {
  try {
    const text = readFileSync(meminfo, 'latin1');
    return {
      total: kibibytesIn(text, 'MemTotal') ?? totalmem(),
      available: kibibytesIn(text, 'MemAvailable') ?? freemem(),
    };
  } catch {
    return { total: totalmem(), available: freemem() };
  }
}

/** Anonymous memory, swapped out or not, and shared memory (proc_pid_status(5)); pages of files are left out. */
async function memoryOf(status: string): Promise<{ own: number; shared: number } | undefined> {
  const text = await readFile(status, 'latin1').catch(unlessShortage(''));
  const anonymous = kibibytesIn(text, 'RssAnon');
  if (anonymous === undefined) return undefined;
  return { own: anonymous + (kibibytesIn(text, 'VmSwap') ?? 0), shared: kibibytesIn(text, 'RssShmem') ?? 0 };
}

/** The value of a line `Name:   123 kB`, in bytes. */
function kibibytesIn(text: string, name: string): number | undefined {
  const amount = new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(text)?.[1];
  return amount === undefined ? undefined : Number(amount) * 1024;
}
