// Makes a part of a file that is on this machine already: the cheapest way the disk allows.
import { constants } from 'node:fs';
import { copyFile, link, open, rm, stat } from 'node:fs/promises';
import type { Space } from './space.js';
import { PartFile } from './transfer/part-file.js';

const pieceBytes = 4 * 1024 * 1024;

/** How bytes are copied. */
interface Copying {
  readonly space: Space;
  readonly signal: AbortSignal;
  /** Called with the number of bytes of each write. */
  copied(bytes: number): void;
}

/** A hard link when `mode` allows it, else a clone of the blocks, else a copy. */
export async function takeLocal(from: string, to: string, mode: 'link' | 'copy', copying: Copying): Promise<void> {
  await rm(to, { force: true });
  if (mode === 'link' && (await worked(link(from, to)))) return;
  if (await worked(copyFile(from, to, constants.COPYFILE_FICLONE_FORCE))) return;
  await rm(to, { force: true });
  await copyBytes(from, to, copying);
}

async function copyBytes(from: string, to: string, { space, signal, copied }: Copying): Promise<void> {
  const source = await open(from, 'r');
  const part = await PartFile.open(to, []);
  try {
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (let position = 0; ;) {
      signal.throwIfAborted();
      const { bytesRead } = await source.read(buffer, 0, pieceBytes, position);
      if (bytesRead === 0) return;
      const at = position;
      await space.use(bytesRead, () => part.write(buffer.subarray(0, bytesRead), at));
      position += bytesRead;
      copied(bytesRead);
    }
  } finally {
    await part.close();
    await source.close();
  }
}

/** The size of a file; `undefined` when there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true ? stats.size : undefined;
}

function worked(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}
