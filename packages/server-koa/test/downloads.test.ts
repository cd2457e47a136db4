// Downloads over HTTP: starting, listing, pausing, cancelling; and a chat for a model that could be downloaded.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@lamina/core';
import { chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

describe('downloads over HTTP', () => {
  let testServer: TestServer;
  let files: Server;
  let origin: string;
  let gate: Promise<void>;
  let open: () => void;

  beforeEach(async () => {
    gate = new Promise((resolve) => (open = resolve));
    files = createServer((request, response) => {
      const content = Buffer.from('a fake model');
      const probe = request.headers.range === 'bytes=0-0';
      response.writeHead(probe ? 206 : 200, {
        'content-length': probe ? 1 : content.length,
        ...(probe ? { 'content-range': `bytes 0-0/${content.length}` } : {}),
      });
      if (probe) response.end('a');
      else void gate.then(() => response.end(content));
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    open();
    await testServer.close();
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
  });

  const house0 = (server = {}) =>
    startTestServer({
      entries: { far: { path: 'far.fake', backend: 'fake', download: { url: `${origin}/far.fake` } } },
      server,
    });
  const get = async (path: string) => (await (await fetch(testServer.url + path)).json()) as JsonObject;

  it('start with 202, report progress, and end with a model that answers', async () => {
    testServer = await house0();
    assert.deepEqual(await get('/downloadable'), {
      models: [{ model: 'far', sources: { url: `${origin}/far.fake` } }],
    });
    const answer = await testServer.post('/download', { model: 'far' });
    assert.equal(answer.status, 202);
    const { id, model, state } = (await answer.json()) as { id: string; model: string; state: string };
    assert.equal(model, 'far');
    assert.match(state, /queued|active/);
    assert.equal(((await get('/downloads'))['downloads'] as JsonObject[]).length, 1);
    assert.equal(
      ((await (await testServer.post(`/downloads/${id}/pause`, '')).json()) as JsonObject)['state'],
      'paused',
    );
    await testServer.post(`/downloads/${id}/resume`, '');
    open();
    await testServer.lamina.downloads.wait(id);
    assert.equal((await get(`/downloads/${id}`))['state'], 'finished');
    assert.equal((await testServer.post('/v1/chat/completions', chat('far'))).status, 200);
    assert.equal((await fetch(`${testServer.url}/downloads/${id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await fetch(`${testServer.url}/downloads/${id}`)).status, 404);
  });

  it('tell a chat for a model without files how to download them', async () => {
    testServer = await house0();
    const answer = await testServer.post('/v1/chat/completions', chat('far'));
    assert.equal(answer.status, 503);
    const { message, details } = await errorOf(answer);
    assert.match(message, /POST \/download \{"model":"far"\}/);
    assert.deepEqual(details!['sources'], ['url']);
    assert.deepEqual(testServer.lamina.downloads.list(), []);
  });

  it('start for a chat with autoDownload', async () => {
    testServer = await house0({ autoDownload: true });
    const answer = await testServer.post('/v1/chat/completions', chat('far'));
    assert.equal(answer.status, 503);
    const { details } = await errorOf(answer);
    const id = details!['download'] as string;
    open();
    await testServer.lamina.downloads.wait(id);
    assert.equal((await testServer.post('/v1/chat/completions', chat('far'))).status, 200);
  });

  it('start and are cancelled over a WebSocket, which reports the progress', async () => {
    testServer = await house0();
    const socket = await TestSocket.open(testServer.url);
    socket.send({ type: 'events.subscribe', id: 'e', types: ['download.started', 'download.cancelled'] });
    await socket.next('reply', ({ id }) => id === 'e');
    socket.send({ type: 'download.start', id: 'a', request: { model: 'far' } });
    const { result } = await socket.next('reply', ({ id }) => id === 'a');
    const { id: download, model } = result as { id: string; model: string };
    assert.equal(model, 'far');
    await socket.next('event', ({ event }) => event.type === 'download.started');
    socket.send({ type: 'download.cancel', id: 'b', download });
    assert.equal(((await socket.next('reply', ({ id }) => id === 'b')).result as JsonObject)['state'], 'cancelled');
    await socket.next('event', ({ event }) => event.type === 'download.cancelled');
    for (const [id, frame, code] of [
      ['c', { type: 'download.cancel', download: 'none' }, 'DOWNLOAD_NOT_FOUND'],
      ['d', { type: 'download.start', request: {} }, 'REQUEST_INVALID'],
      ['f', { type: 'download.start', request: { reference: 'http://10.0.0.1/far.fake' } }, 'FORBIDDEN'],
    ] as const) {
      socket.send({ ...frame, id });
      assert.equal((await socket.next('error', (error) => error.id === id)).error.code, code);
    }
  });

  it('refuse invalid requests, and URLs with private addresses', async () => {
    testServer = await house0();
    for (const body of ['', '{', '{}', { model: 1 }, { model: 'far', reference: 'x' }])
      assert.equal((await testServer.post('/download', body)).status, 400, JSON.stringify(body));
    assert.equal((await testServer.post('/download', { model: 'nobody' })).status, 404);
    assert.equal((await testServer.post('/download', { reference: 'http://10.0.0.1/far.fake' })).status, 403);
    assert.equal((await testServer.post('/download', { reference: '/etc/passwd' })).status, 403);
    assert.equal((await testServer.post('/downloads/none/pause', '')).status, 404);
  });

  it('treat an id or a name with encoded slashes literally, not as a path', async () => {
    testServer = await house0();
    const send = (method: string, path: string) => fetch(testServer.url + path, { method });
    const paths = ['/downloads/%2fetc%2fx', '/downloads/..%2f..%2fx', '/models/%2fetc%2fpasswd', '/models/..%2f..%2fx'];
    for (const path of paths)
      for (const method of ['GET', 'DELETE']) assert.equal((await send(method, path)).status, 404, `${method} ${path}`);
    for (const verb of ['pause', 'resume'])
      assert.equal((await send('POST', `/downloads/..%2f..%2fx/${verb}`)).status, 404);
    for (const name of ['..%2f..%2fetc', '../x', '/etc/x']) {
      const answer = await testServer.post('/download', { reference: `${origin}/far.fake`, name });
      assert.equal(answer.status, 400);
      assert.equal((await errorOf(answer)).param, 'name');
    }
    for (const path of ['/downloads/%zz', '/models/%zz']) assert.equal((await send('GET', path)).status, 404, path);
  });
});
