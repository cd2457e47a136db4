// Sizes as people write them.

/** `1.9GB`, `480MB`, `12kB`: decimal units, as disks and hubs count. */
export function sizeText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)}GB`;
  return bytes >= 1e6 ? `${Math.round(bytes / 1e6)}MB` : `${Math.max(1, Math.round(bytes / 1e3))}kB`;
}
