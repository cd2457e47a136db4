// The free space of the disk with the models, shared by all downloads.
import type { Clock } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import { usableBytes } from '../kernel/disk-space.js';

/** The disk is measured again after so many bytes or milliseconds, because other programs write to it too. */
const measureEveryBytes = 16 * 1024 * 1024;
const measureEveryMs = 1_000;
/** Kept free in addition to the reserve, for journals and partly filled blocks. */
const overheadBytes = 1024 * 1024;

/** Keeps downloads from filling the disk. */
export class Space {
  private readonly reservations = new Map<string, () => number>();
  /** Bytes that may be written before the disk is measured again. */
  private allowance = 0;
  private measuredAt = -Infinity;
  private measuring: Promise<number> | undefined;
  /** Bytes that are being written and that no measurement includes yet. */
  private pending = 0;

  constructor(
    private readonly directory: string,
    private readonly clock: Clock,
  ) {}

  /**
   * Reserves the space that a download will still need. Resolves with a function that ends the reservation.
   * @throws LaminaError `DISK_FULL`
   */
  async reserve(id: string, needed: () => number): Promise<() => void> {
    const usable = await usableBytes(this.directory);
    const others = [...this.reservations.values()].reduce((sum, bytes) => sum + bytes(), 0);
    const lacking = needed() + others - usable;
    if (needed() > 0 && lacking > 0) throw lacksSpace(this.directory, lacking);
    this.reservations.set(id, needed);
    return () => void this.reservations.delete(id);
  }

  /**
   * Runs a write of so many bytes, unless it would use the reserve of the disk.
   * @throws LaminaError `DISK_FULL`; what `write` throws
   */
  async use(bytes: number, write: () => Promise<void>): Promise<void> {
    while (this.allowance < bytes || this.clock.now() - this.measuredAt > measureEveryMs) {
      const usable = await (this.measuring ??= this.measure().finally(() => (this.measuring = undefined)));
      if (usable < bytes) {
        const reason = 'only the reserve that Lamina keeps free is left';
        throw new LaminaError('DISK_FULL', { path: this.directory, reason });
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
    this.allowance = Math.min(usable, measureEveryBytes);
    return usable;
  }
}

/** `DISK_FULL`, with how much more is needed. */
export function lacksSpace(path: string, bytes: number): LaminaError {
  return new LaminaError('DISK_FULL', { path, reason: `${sizeText(bytes)} more is needed`, needed_bytes: bytes });
}

/** `1.9GB`, `480MB`, `12kB`: decimal units, as disks and model hubs use them. */
export function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)}GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)}MB` : `${Math.max(1, Math.round(bytes / 1e3))}kB`;
}
