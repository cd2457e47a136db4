// Gives a checked file its name, and never takes one from another file.
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import { syncDirectory, withTemporaryFile } from '../kernel/atomic-write.js';
import { usableBytes } from '../kernel/disk-space.js';
import { sizeText } from './size-text.js';
import { sizeOf } from './take-local.js';

/**
 * Moves a part to its target. A target that is there already is left, when it is the same file.
 * @throws LaminaError `CONFLICT`
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
    throw LaminaError.is(error)
      ? error
      : new LaminaError('CONFLICT', { message: `${target} cannot be written: ${reasonOf(error)}.` }, { cause: error });
  }
}

async function move(part: string, target: string, isSame: (path: string) => Promise<boolean>): Promise<void> {
  const refused = await link(part, target).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code ?? 'unknown',
  );
  if (refused === undefined) return rm(part, { force: true });
  if ((await sizeOf(target)) !== undefined || refused === 'EEXIST') {
    if (await isSame(target)) return rm(part, { force: true });
    throw new LaminaError('CONFLICT', {
      message: `${target} is there already and is not overwritten. Move it away and resume the download.`,
    });
  }
  if (refused === 'EXDEV') return copyAcross(part, target);
  await rename(part, target); // A disk that knows no hard links.
}

/** To another disk, whose space nobody has looked at yet. */
async function copyAcross(part: string, target: string): Promise<void> {
  const directory = dirname(target);
  const lacking = ((await sizeOf(part)) ?? 0) - (await usableBytes(directory));
  if (lacking > 0) {
    const reason = `${sizeText(lacking)} more is needed`;
    throw new LaminaError('DISK_FULL', { path: directory, reason, needed_bytes: lacking });
  }
  await withTemporaryFile(target, async (temporary) => {
    await copyFile(part, temporary, constants.COPYFILE_FICLONE);
    const handle = await open(temporary, 'r');
    await handle.sync().finally(() => handle.close());
    await rename(temporary, target);
  });
  await rm(part, { force: true });
}
