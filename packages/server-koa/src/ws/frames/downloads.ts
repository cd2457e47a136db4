// The frames of downloads: what the routes under /downloads do.
import { downloadView } from '@lamina/core';
import type { ClientFrame } from '@lamina/core/protocol';
import { downloadRequest } from '../../routes/downloads.js';
import { call } from '../call.js';
import type { Peer } from '../peer.js';

/** `download.start`: the download continues when the connection ends. */
export function startDownload({ id, request }: ClientFrame<'download.start'>, peer: Peer): void {
  const download = downloadRequest(request);
  const { lamina, guard } = peer;
  call(peer, id, async (signal) => downloadView(await lamina.downloads.start(download, { signal, guard })));
}

/** `download.cancel` */
export function cancelDownload({ id, download }: ClientFrame<'download.cancel'>, peer: Peer): void {
  call(peer, id, async () => downloadView(await peer.lamina.downloads.cancel(download)));
}
