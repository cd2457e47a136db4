// The frames of downloads: what the routes /download and /downloads do.
import { downloadView } from '@lamina/core';
import type { ClientFrame, DownloadsView, DownloadView } from '@lamina/core/protocol';
import { downloadRequest } from '../../routes/downloads.js';
import type { Peer } from '../peer.js';

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
