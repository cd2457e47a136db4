// Locks a data directory for one owner. Node has no file locks, so the lock consists of files created exclusively.
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import { isShortage, unlessShortage } from '../kernel/shortage.js';
import type { Disposable } from '../contract/context.js';
import { startOf } from './process-table.js';

/** The process that owns a data directory. */
export interface DataDirOwner {
  readonly pid: number;
  /** Distinguishes it from other processes with the same pid. */
  readonly started: string;
  /** Whether it is a command, which ends by itself, unlike a server. */
  readonly isCommand: boolean;
}

const writingMs = 1_000;
const released = 'given back\n';

/**
 * Makes this process the owner of a data directory, which is created if it is missing; disposing releases it. The lock
 * of an owner that died is taken over.
 *
 * The lock is the file `lock.<n>` with the highest n. A process that finds its owner dead creates `lock.<n+1>`
 * exclusively, which only one of many can. The highest n never falls, because a file is only removed by the owner of a
 * higher one; so the process whose file is the highest owns the directory.
 * @param isCommand recorded for others, which can wait for a command
 * @throws LaminaError `CONFLICT` when a live Lamina owns it, in this process or another; `CONFIG_INVALID` when it cannot
 * be written
 */
export async function lockDataDir(dataDir: string, isCommand = false): Promise<Disposable> {
  try {
    return await lock(dataDir, isCommand);
  } catch (error) {
    if (LaminaError.is(error) || isShortage(error)) throw error;
    const message = `The data directory ${dataDir} cannot be written: ${reasonOf(error)}. Choose another one with --data-dir.`;
    throw new LaminaError('CONFIG_INVALID', { message }, { cause: error });
  }
}

async function lock(dataDir: string, isCommand: boolean): Promise<Disposable> {
  await mkdir(dataDir, { recursive: true });
  for (;;) {
    const newest = Math.max(0, ...(await generations(dataDir)));
    if (newest > 0) await assertFree(dataDir, newest);
    const own = newest + 1;
    if (!(await create(path(dataDir, own), isCommand))) continue; // Another process was faster: check which.
    if (await isHighest(dataDir, own)) return { dispose: () => release(path(dataDir, own)) };
    await rm(path(dataDir, own), { force: true });
  }
}

/**
 * Identifies the live owner of a data directory, by its lock and process. `undefined` when there is none.
 */
export async function liveOwner(dataDir: string): Promise<string | undefined> {
  const [newest, owner] = await newestOwner(dataDir);
  return owner === undefined ? undefined : `${newest} ${owner.pid} ${owner.started}`;
}

/** The live owner of a data directory; `undefined` when there is none. */
export async function ownerOfDataDir(dataDir: string): Promise<DataDirOwner | undefined> {
  return (await newestOwner(dataDir))[1];
}

async function newestOwner(dataDir: string): Promise<readonly [number, DataDirOwner | undefined]> {
  const newest = Math.max(0, ...(await generations(dataDir).catch(unlessShortage<number[]>([]))));
  return [newest, newest === 0 ? undefined : await liveOwnerOf(path(dataDir, newest))];
}

async function assertFree(dataDir: string, generation: number): Promise<void> {
  const owner = await liveOwnerOf(path(dataDir, generation));
  if (owner === undefined) return;
  const { pid, isCommand } = owner;
  const what = isCommand ? 'a lamina command' : 'another Lamina';
  const who = pid === process.pid ? `another Lamina of this process (${pid})` : `${what}, process ${pid}`;
  const advice = isCommand ? 'Wait for it to end' : 'Stop that one';
  const message = `The data directory ${dataDir} is in use by ${who}. ${advice}, or choose another directory with --data-dir.`;
  throw new LaminaError('CONFLICT', { message, data_dir: dataDir, pid, command: isCommand });
}

async function liveOwnerOf(file: string): Promise<DataDirOwner | undefined> {
  const owner = await ownerOf(file);
  return owner !== undefined && startOf(owner.pid) === owner.started ? owner : undefined;
}

/**
 * The owner in a lock file: one line, pid, `command` for a command, and start. None when it was released, removed, or
 * its writer died while writing it.
 */
async function ownerOf(file: string): Promise<DataDirOwner | undefined> {
  for (const deadline = performance.now() + writingMs; performance.now() < deadline; await delay(10)) {
    const text = await readFile(file, 'utf8').catch(unlessShortage(released));
    if (text === released) return undefined;
    const [, pid, command, started] = /^(\d+) (command )?(.+)\n$/.exec(text) ?? [];
    if (pid !== undefined && started !== undefined)
      return { pid: Number(pid), started, isCommand: command !== undefined };
  }
  return undefined;
}

/** False when the file exists already. */
async function create(file: string, isCommand: boolean): Promise<boolean> {
  const line = `${process.pid} ${isCommand ? 'command ' : ''}${startOf(process.pid)}\n`;
  try {
    await writeFile(file, line, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Marks the own lock as released. The file stays, so that the highest number does not fall. */
async function release(file: string): Promise<void> {
  await writeFile(file, released).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error; // The whole directory was removed.
  });
}

/** True when no later lock exists; removes the earlier ones then. */
async function isHighest(dataDir: string, own: number): Promise<boolean> {
  const all = await generations(dataDir);
  if (all.some((generation) => generation > own)) return false;
  await Promise.all(
    all.filter((generation) => generation < own).map((generation) => rm(path(dataDir, generation), { force: true })),
  );
  return true;
}

async function generations(dataDir: string): Promise<number[]> {
  return (await readdir(dataDir))
    .map((name) => Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0))
    .filter((generation) => generation > 0);
}

function path(dataDir: string, generation: number): string {
  return join(dataDir, `lock.${generation}`);
}
