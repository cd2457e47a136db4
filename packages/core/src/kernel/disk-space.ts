// Free space on a disk, less a reserve that is left to everything else: a full disk harms more than whatever did not
// fit.
import { statfs } from 'node:fs/promises';

const largestReserve = 1024 ** 3;
const reserveShare = 0.05;

/**
 * The bytes that may still be written to the disk of a directory: all but the smaller of 1 GiB and 5 %. Negative when
 * less is free.
 */
export async function usableBytes(directory: string): Promise<number> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return Math.floor(bavail * bsize - Math.min(largestReserve, blocks * bsize * reserveShare));
}
