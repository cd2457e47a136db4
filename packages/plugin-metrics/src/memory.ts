// The memory that processes have in RAM.
import { readFile } from 'node:fs/promises';

/** Reads the memory of processes, in bytes. Those that have ended are missing. */
export async function memoryOf(
  pids: readonly number[],
  platform: NodeJS.Platform = process.platform,
): Promise<ReadonlyMap<number, number>> {
  if (pids.length === 0) return new Map();
  const read = platform === 'linux' ? await Promise.all(pids.map(fromProc)) : await fromPidusage(pids);
  return new Map(pids.flatMap((pid, index) => (read[index] === undefined ? [] : [[pid, read[index]]])));
}

/** On Linux pidusage keeps a file open for each process until a minute after it was asked. */
async function fromProc(pid: number): Promise<number | undefined> {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
  } catch {
    return undefined; // The process has ended.
  }
}

async function fromPidusage(pids: readonly number[]): Promise<(number | undefined)[]> {
  const { default: pidusage } = await import('pidusage');
  try {
    const found = await pidusage([...pids], { usePs: true });
    return pids.map((pid) => found[pid]?.memory);
  } catch {
    return []; // All have ended.
  } finally {
    pidusage.clear();
  }
}
