// What is said of a model that a search found.
import type { DownloadView, FoundModelView } from '@lamina/core/protocol';
import { counted, formatBytes } from '../../format.js';

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** Where it is, its size, how many use it. */
export function foundFacts({
  source,
  bytes,
  downloads,
  likes,
  formats,
  updated_at: updated,
  gated,
}: FoundModelView): readonly string[] {
  return [
    source,
    ...(bytes === undefined ? [] : [formatBytes(bytes)]),
    ...(formats === undefined || formats.length === 0 ? [] : [formats.join(', ')]),
    ...(downloads === undefined ? [] : [counted(downloads, 'download')]),
    ...(likes === undefined ? [] : [counted(likes, 'like')]),
    ...(updated === undefined ? [] : [`changed ${day.format(new Date(updated))}`]),
    ...(gated === true ? ['needs a token of an account that accepted its terms'] : []),
  ];
}

/** The download of a model that was found, the newest. */
export function downloadOf(
  { source, reference }: Pick<FoundModelView, 'source' | 'reference'>,
  downloads: readonly DownloadView[],
): DownloadView | undefined {
  return downloads.findLast((one) => one.source === source && one.reference === reference && one.state !== 'cancelled');
}
