// Formats bytes, counts and times for people.

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** `512 bytes`, `1.5 kB`, `40.0 MB`: decimal units, as disks and hubs count. */
export function showBytes(bytes: number): string {
  const power = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1);
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

/** `950`, `1.2K`, `3M`. */
export function showCount(count: number): string {
  return new Intl.NumberFormat('en', { notation: 'compact' }).format(count);
}

/** `7 s`, `1 min 05 s`, `2 h 03 min`. */
export function showSeconds(seconds: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`
    : `${Math.floor(seconds / 3600)} h ${two((seconds % 3600) / 60)} min`;
}

/** How long something took: `0.4 s`, `12 s`, `1 min 05 s`. */
export function showElapsed(seconds: number): string {
  return seconds < 9.95 ? `${seconds.toFixed(1)} s` : showSeconds(seconds);
}

/** Progress in whole per cent; 100 only when it is done. */
export function percent(done: number, total: number): number {
  return total === 0 ? 100 : Math.floor((done / total) * 100);
}
