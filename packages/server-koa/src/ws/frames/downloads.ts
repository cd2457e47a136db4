// The frames of downloads and of searches: what the routes /search, /download and /downloads do.
import { downloadView, searchView } from '@lamina/core';
import type { ClientFrame, DownloadsView, DownloadView, SearchView } from '@lamina/core/protocol';
import { downloadRequest } from '../../routes/downloads.js';
import type { Peer } from '../peer.js';

/** `model.search` */
export async function searchModels(
  { q, source, limit }: ClientFrame<'model.search'>,
  { lamina, guard }: Peer,
  signal: AbortSignal,
): Promise<SearchView> {
  const options = { ...(source === undefined ? {} : { source }), ...(limit === undefined ? {} : { limit }) };
  return searchView(await lamina.downloads.search(q, { ...options, signal, guard }));
}

/** `download.start`: the download continues when the connection ends. */
export async function startDownload(
  { request }: ClientFrame<'download.start'>,
  { lamina, guard }: Peer,
  signal: AbortSignal,
): Promise<DownloadView> {
  return downloadView(await lamina.downloads.start(downloadRequest(request), { signal, guard }));
}

/** `download.list` */
export function listDownloads(_: ClientFrame<'download.list'>, { lamina }: Peer): DownloadsView {
  return { downloads: lamina.downloads.list().map(downloadView) };
}

const changes = { 'download.pause': 'pause', 'download.resume': 'resume', 'download.cancel': 'cancel' } as const;

/** `download.pause`, `download.resume`, `download.cancel` */
export async function changeDownload(
  { type, download }: ClientFrame<keyof typeof changes>,
  { lamina }: Peer,
): Promise<DownloadView> {
  return downloadView(await lamina.downloads[changes[type]](download));
}
