// Moves, links and copies files on this machine without overwriting any.
import { constants } from 'node:fs';
import { access, copyFile, link, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import { syncDirectory, withTemporaryFile } from '../kernel/atomic-write.js';
import { usableBytes } from '../kernel/disk-space.js';
import { lacksSpace, type Space } from './space.js';
import { PartFile } from './transfer/part-file.js';

const copyChunkBytes = 4 * 1024 * 1024;

/**
 * Moves a part file to its final path. When the same file exists there, only the part file is removed.
 * @throws LaminaError `CONFLICT` when another file exists or the path cannot be written, `DISK_FULL`
 */
export async function placeFile(
  part: string,
  target: string,
  isSame: (path: string) => Promise<boolean>,
): Promise<void> {
  try {
    await mkdir(dirname(target), { recursive: true });
    await move(part, target, isSame);
    await syncDirectory(dirname(target));
  } catch (error) {
    throw LaminaError.is(error) ? error : notWritable(target, error);
  }
}

/**
 * Checks before a download that a file of so many bytes (`undefined`: unknown) can get its final path.
 * @throws LaminaError `CONFLICT` when another file is there or the path cannot be written
 */
export async function checkTarget(target: string, bytes: number | undefined): Promise<void> {
  const existing = await stat(target).catch(() => undefined);
  if (existing !== undefined && (!existing.isFile() || (bytes !== undefined && existing.size !== bytes)))
    throw alreadyExists(target);
  const directory = await nearestExisting(dirname(target));
  try {
    if (!(await stat(directory)).isDirectory()) throw new Error(`${directory} is a file`);
    await access(directory, constants.W_OK);
  } catch (error) {
    throw notWritable(target, error);
  }
}

async function nearestExisting(path: string): Promise<string> {
  const parent = dirname(path);
  const exists = await stat(path).then(
    () => true,
    ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT' && code !== 'ENOTDIR',
  );
  return exists || parent === path ? path : nearestExisting(parent);
}

function notWritable(target: string, cause: unknown): LaminaError {
  return new LaminaError('CONFLICT', { message: `${target} cannot be written: ${reasonOf(cause)}.` }, { cause });
}

/** `CONFLICT` for a file that is not the one of the download. */
export function alreadyExists(target: string): LaminaError {
  const message = `${target} already exists and will not be overwritten. Move it away and try again.`;
  return new LaminaError('CONFLICT', { message });
}

async function move(part: string, target: string, isSame: (path: string) => Promise<boolean>): Promise<void> {
  // Unlike rename, link never replaces a file.
  const refused = await link(part, target).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
  );
  if (refused === undefined) return rm(part, { force: true });
  if (refused === 'EEXIST' || (await fileSize(target)) !== undefined) {
    if (await isSame(target)) return rm(part, { force: true });
    throw alreadyExists(target);
  }
  if (refused === 'EXDEV') return copyToOtherDisk(part, target);
  await rename(part, target); // The file system has no hard links.
}

async function copyToOtherDisk(part: string, target: string): Promise<void> {
  const lacking = ((await fileSize(part)) ?? 0) - (await usableBytes(dirname(target)));
  if (lacking > 0) throw lacksSpace(dirname(target), lacking);
  await withTemporaryFile(target, async (temporary) => {
    await copyFile(part, temporary, constants.COPYFILE_FICLONE);
    const handle = await open(temporary, 'r');
    await handle.sync().finally(() => handle.close());
    await rename(temporary, target);
  });
  await rm(part, { force: true });
}

/** How bytes are copied. */
interface CopyOptions {
  readonly space: Space;
  readonly signal: AbortSignal;
  /** Called with the number of bytes of each write. */
  onCopied(bytes: number): void;
}

/** Makes a file of an existing one: a hard link when `mode` allows it, else a copy-on-write clone, else a copy. */
export async function linkOrCopy(from: string, to: string, mode: 'link' | 'copy', options: CopyOptions): Promise<void> {
  await rm(to, { force: true });
  // A hard link to a symbolic link would be another symbolic link, which may lead nowhere from there.
  if (mode === 'link' && (await succeeds(realpath(from).then((real) => link(real, to))))) return;
  if (await succeeds(copyFile(from, to, constants.COPYFILE_FICLONE_FORCE))) return;
  await rm(to, { force: true });
  await copyBytes(from, to, options);
}

async function copyBytes(from: string, to: string, { space, signal, onCopied }: CopyOptions): Promise<void> {
  const source = await open(from, 'r');
  const part = await PartFile.open(to, []);
  try {
    const buffer = Buffer.allocUnsafe(copyChunkBytes);
    for (let position = 0; ;) {
      signal.throwIfAborted();
      const { bytesRead } = await source.read(buffer, 0, copyChunkBytes, position);
      if (bytesRead === 0) return;
      const start = position;
      await space.use(bytesRead, () => part.write(buffer.subarray(0, bytesRead), start));
      position += bytesRead;
      onCopied(bytesRead);
    }
  } finally {
    await part.close();
    await source.close();
  }
}

/** The size of a file; `undefined` when the file does not exist. */
export async function fileSize(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true ? stats.size : undefined;
}

function succeeds(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}
