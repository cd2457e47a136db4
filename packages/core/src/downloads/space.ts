// The free space of one disk, shared by all downloads that write to it.
import type { Clock } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import { usableBytes } from '../kernel/disk-space.js';
import { sizeText } from './size-text.js';

/** The disk is measured again after so many bytes, or so many milliseconds: others write to it too. */
const measuredBytes = 16 * 1024 * 1024;
const measuredMs = 1_000;
/** Kept free above the reserve, for journals and for blocks that are only partly filled. */
const overheadBytes = 1024 * 1024;

/** What downloads may still write. */
export class Space {
  private readonly promised = new Map<string, () => number>();
  /** Bytes that may be written before the disk is measured again. */
  private allowance = 0;
  private measuredAt = -Infinity;
  private measuring: Promise<number> | undefined;
  /** Bytes that are being written: no measurement counts them yet. */
  private pending = 0;

  constructor(
    private readonly directory: string,
    private readonly clock: Clock,
  ) {}

  /**
   * Promises a download the space it will still need; the answer gives it back.
   * @throws LaminaError `DISK_FULL`
   */
  async reserve(id: string, needed: () => number): Promise<() => void> {
    const usable = await usableBytes(this.directory);
    const others = [...this.promised.values()].reduce((sum, bytes) => sum + bytes(), 0);
    const lacking = needed() + others - usable;
    if (needed() > 0 && lacking > 0) {
      const reason = `${sizeText(lacking)} more is needed`;
      throw new LaminaError('DISK_FULL', { path: this.directory, reason, needed_bytes: lacking });
    }
    this.promised.set(id, needed);
    return () => void this.promised.delete(id);
  }

  /**
   * Runs a write of so many bytes, which must not use the reserve of the disk.
   * @throws LaminaError `DISK_FULL`; what `write` throws
   */
  async use(bytes: number, write: () => Promise<void>): Promise<void> {
    while (this.allowance < bytes || this.clock.now() - this.measuredAt > measuredMs) {
      const usable = await (this.measuring ??= this.measure().finally(() => (this.measuring = undefined)));
      if (usable < bytes) {
        throw new LaminaError('DISK_FULL', {
          path: this.directory,
          reason: 'only the reserve that Lamina leaves free is left',
        });
      }
    }
    this.allowance -= bytes;
    this.pending += bytes;
    try {
      await write();
    } finally {
      this.pending -= bytes;
    }
  }

  private async measure(): Promise<number> {
    const before = this.pending;
    const usable = (await usableBytes(this.directory)) - Math.max(before, this.pending) - overheadBytes;
    this.measuredAt = this.clock.now();
    this.allowance = Math.min(usable, measuredBytes);
    return usable;
  }
}
