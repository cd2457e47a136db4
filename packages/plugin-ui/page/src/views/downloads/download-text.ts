// How far downloads are, in words, and in which order they are shown.
import type { DownloadFile, DownloadView } from '@lamina/core/protocol';
import { counted, formatBytes, formatDuration } from '../../format.js';

/** `59.5 MB of 98.4 MB, 4 MB/s, 10 s left`; what is not known is left out. */
export function downloadText({
  state,
  done,
  total,
  bytes_per_second: speed,
  seconds_left: left,
}: DownloadView): string {
  if (state === 'finished') return formatBytes(total ?? done);
  return [
    total === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`,
    ...(state === 'active' && speed > 0 ? [`${formatBytes(speed)}/s`] : []),
    ...(state === 'active' && left !== undefined ? [`${timeText(left)} left`] : []),
  ].join(', ');
}

/** The state of a download; `downloading` for one that is active. */
export function stateText({ state }: Pick<DownloadView, 'state'>): string {
  return state === 'active' ? 'downloading' : state;
}

/** How far a download or a file is, from 0 to 1; undefined while its size is unknown. */
export function ratioOf({ done, total }: Pick<DownloadView, 'done' | 'total'>): number | undefined {
  if (total === undefined) return undefined;
  return total === 0 ? 1 : done / total;
}

/** `3 files, 1 complete` */
export function filesText(files: readonly DownloadFile[]): string {
  const complete = files.filter(({ state }) => state === 'verified' || state === 'placed').length;
  return complete === files.length || complete === 0
    ? counted(files.length, 'file')
    : `${counted(files.length, 'file')}, ${complete} complete`;
}

/** The reference of a download as text. */
export function referenceText(reference: unknown): string {
  return typeof reference === 'string' ? reference : JSON.stringify(reference);
}

/** Those that have not finished first, each the newest first. */
export function sortedDownloads(downloads: readonly DownloadView[]): readonly DownloadView[] {
  const rank = ({ state }: DownloadView): number => (state === 'finished' || state === 'cancelled' ? 1 : 0);
  return downloads
    .map((download, index) => ({ download, index }))
    .sort((a, b) => rank(a.download) - rank(b.download) || b.index - a.index)
    .map(({ download }) => download);
}

/** Whole seconds, and whole minutes above ten, so that it changes seldom. */
function timeText(seconds: number): string {
  return formatDuration(seconds < 600 ? Math.ceil(seconds) * 1000 : Math.ceil(seconds / 60) * 60_000);
}
