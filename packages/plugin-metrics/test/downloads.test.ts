// Downloads are counted by their result.
import assert from 'node:assert/strict';
import { sumOf } from './exposition-text.js';
import { fileBytes, startFileServer, type FileServer } from './file-server.js';
import { startMetered, type MeteredServer } from './metered-server.js';

describe('the metrics of downloads', () => {
  let server: MeteredServer;
  let files: FileServer;
  before(async () => {
    files = await startFileServer();
    server = await startMetered({ models: {} });
  });
  after(async () => {
    await server.close();
    await files.close();
  });

  it('are how many finished and were cancelled, and the bytes of those that finished', async () => {
    const { downloads, events } = server.lamina;
    const signal = AbortSignal.timeout(10_000);
    const zero = await server.metrics();
    assert.equal(sumOf(zero, 'lamina_download_bytes_total'), 0);
    for (const name of ['one', 'two'])
      await downloads.wait((await downloads.start({ name, reference: files.file })).id, { signal });
    const started = events.once('download.started', { signal });
    const { id } = await downloads.start({ name: 'three', reference: files.stalled });
    await started;
    await downloads.cancel(id);
    const exposition = await server.metrics();
    assert.equal(sumOf(exposition, 'lamina_downloads_total', { result: 'finished' }), 2);
    assert.equal(sumOf(exposition, 'lamina_downloads_total', { result: 'cancelled' }), 1);
    assert.equal(sumOf(exposition, 'lamina_downloads_total'), 3);
    assert.equal(sumOf(exposition, 'lamina_download_bytes_total'), 2 * fileBytes);
  });
});
