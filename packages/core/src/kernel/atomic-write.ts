// Writes files whole: into a temporary file beside the target, which then takes the target's name.
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Hidden, so that no directory listing takes one for a model. */
const temporaryName = /^\.lamina-(\d+)-[0-9a-f]{12}\.tmp$/;

/** The temporary files that this process is writing. */
const inUse = new Set<string>();

/** How a file is written. */
export interface AtomicWriteOptions {
  /** Permissions of the new file; default: those of any new file. */
  readonly mode?: number;
  /** Resolves only when the file would survive the loss of power; default false. */
  readonly durable?: boolean;
}

/**
 * Replaces a file, or creates it. Of several writers at once each writes a whole file, and the last one wins.
 * @throws errors of the file system; the file is as it was then
 */
export async function writeFileAtomic(path: string, text: string, options: AtomicWriteOptions = {}): Promise<void> {
  await withTemporaryFile(path, async (temporary) => {
    await writeNewFile(temporary, text, options);
    await rename(temporary, path);
  });
  if (options.durable === true) await syncDirectory(dirname(path));
}

/** As {@link writeFileAtomic}, for a caller that may be killed at any moment and cannot wait. */
export function writeFileAtomicSync(path: string, text: string, { mode = 0o666 }: { mode?: number } = {}): void {
  const temporary = temporaryPath(path);
  try {
    writeFileSync(temporary, text, { flag: 'wx', mode });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Runs `work` with the path of a temporary file beside `target` that nobody else uses, and removes what is left there
 * afterwards.
 */
export async function withTemporaryFile<T>(target: string, work: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = temporaryPath(target);
  inUse.add(temporary);
  try {
    return await work(temporary);
  } finally {
    await rm(temporary, { force: true }).finally(() => inUse.delete(temporary));
  }
}

/** Creates a file that must not exist yet. */
export async function writeNewFile(
  path: string,
  text: string,
  { mode = 0o666, durable = false }: AtomicWriteOptions = {},
): Promise<void> {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(text);
    if (durable) await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Removes the temporary files that processes which are gone left in a directory. Those of other running processes
 * stay.
 */
export async function removeTemporaryFiles(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const left = names.filter((name) => {
    const pid = temporaryName.exec(name)?.[1];
    return pid !== undefined && !isInUse(join(directory, name), Number(pid));
  });
  await Promise.all(left.map((name) => rm(join(directory, name), { force: true }).catch(() => undefined)));
}

/** Makes the names in a directory survive the loss of power, where the system can. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function temporaryPath(target: string): string {
  return join(dirname(target), `.lamina-${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
}

/** A file with our own pid may be that of an earlier process: in a container, pids repeat. */
function isInUse(path: string, pid: number): boolean {
  return pid === process.pid ? inUse.has(path) : isRunning(pid);
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
