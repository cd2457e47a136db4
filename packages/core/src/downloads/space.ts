// Free space, with what the downloads under way will still need taken off.
import { statfs } from 'node:fs/promises';
import { LaminaError } from '../contract/errors.js';
import { sizeText } from './size-text.js';

/** Left free in any case: a full disk harms more than this download. */
const marginBytes = 64 * 1024 * 1024;

/** What downloads have been promised of one disk. */
export class Space {
  private readonly promised = new Map<string, () => number>();

  constructor(private readonly directory: string) {}

  /**
   * Promises a download the space it will still need; the answer gives it back.
   * @throws LaminaError `DISK_FULL`
   */
  async reserve(id: string, needed: () => number): Promise<() => void> {
    const { bavail, bsize } = await statfs(this.directory);
    const others = [...this.promised.values()].reduce((sum, bytes) => sum + bytes(), 0);
    const lacking = needed() + (needed() > 0 ? marginBytes : 0) + others - bavail * bsize;
    if (lacking > 0) throw new LaminaError('DISK_FULL', { path: this.directory, needed: sizeText(lacking), needed_bytes: lacking });
    this.promised.set(id, needed);
    return () => void this.promised.delete(id);
  }
}
