// Where a request from the network may let Lamina download from: the internet; for a caller on this machine, this
// machine too.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@lamina/core';
import { chat, errorOf, startTestServer, type TestServer, type TestServerOptions } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

describe('the addresses of downloads over HTTP', () => {
  let testServer: TestServer;
  let files: Server;
  let origin: string;
  let requests: string[];
  let redirect: string | undefined;

  beforeEach(async () => {
    requests = [];
    redirect = undefined;
    files = createServer((request, response) => {
      requests.push(request.url!);
      if (redirect !== undefined) return void response.writeHead(302, { location: redirect }).end();
      response.writeHead(200, { 'content-length': 12 }).end('a fake model');
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    await testServer.close();
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
  });

  const open = async (options: TestServerOptions = {}) => {
    const entries = { far: { path: 'far.fake', backend: 'fake', download: { url: `${origin}/far.fake` } } };
    testServer = await startTestServer({ entries, ...options });
  };
  const download = (body: object, headers: Record<string, string> = {}) =>
    testServer.post('/download', body, { headers });
  const assertRefused = async (response: Response) => {
    assert.equal(response.status, 403);
    assert.equal((await errorOf(response)).code, 'FORBIDDEN');
  };

  it('may be on this machine for a caller on this machine with the scope manage', async () => {
    await open();
    const { id } = (await (await download({ model: 'far' })).json()) as { id: string };
    await testServer.lamina.downloads.wait(id);
    await testServer.close();
    await open({ server: { apiKeys: [{ key: 'm', scope: 'manage' }] } });
    const answer = await download({ reference: `${origin}/other.fake` }, { authorization: 'Bearer m' });
    assert.equal(answer.status, 202);
    await testServer.lamina.downloads.wait(((await answer.json()) as { id: string }).id);
  });

  it('are never in a private network', async () => {
    await open();
    for (const host of ['10.0.0.1', '192.168.1.1', '169.254.169.254', '0.0.0.0', '[fd00::1]', '[::ffff:10.0.0.1]']) {
      await assertRefused(await download({ reference: `http://${host}/model.gguf` }));
    }
  });

  for (const header of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
    it(`are not on this machine for a request that a proxy forwards with "${header}"`, async () => {
      await open();
      await assertRefused(await download({ model: 'far' }, { [header]: '127.0.0.1' }));
      await assertRefused(await download({ reference: `${origin}/far.fake` }, { [header]: '127.0.0.1' }));
      assert.deepEqual(requests, []);
    });
  }

  it('are checked after a redirect too, also for a model of the manifest', async () => {
    await open();
    redirect = 'http://10.0.0.1/far.fake';
    await assertRefused(await download({ model: 'far' }));
    await assertRefused(await download({ reference: `${origin}/far.fake` }));
  });

  it('are checked when an earlier request wrote them to the manifest', async () => {
    await open({ lamina: { downloads: { allowedHosts: [new URL(origin).host] } } });
    const { id } = (await (
      await download({ reference: `${origin}/x.fake`, name: 'x' }, { via: '1.1 proxy' })
    ).json()) as { id: string };
    await testServer.lamina.downloads.wait(id);
    assert.equal((await fetch(`${testServer.url}/models/x?files=1`, { method: 'DELETE' })).status, 200);
    await testServer.lamina.models.save('x', { path: 'x.fake', download: { url: `${origin}/x.fake` } });
    redirect = origin.replace('127.0.0.1', 'localhost');
    await assertRefused(await download({ model: 'x' }, { via: '1.1 proxy' }));
  });

  it('are public when a chat starts a download and its key has no scope manage', async () => {
    await open({
      server: {
        autoDownload: true,
        apiKeys: [
          { key: 'i', scope: 'inference' },
          { key: 'm', scope: 'manage' },
        ],
      },
    });
    await assertRefused(
      await testServer.post('/v1/chat/completions', chat('far'), { headers: { authorization: 'Bearer i' } }),
    );
    assert.deepEqual(requests, []);
  });

  it('are the same over a WebSocket', async () => {
    await open();
    const socket = await TestSocket.open(testServer.url);
    socket.send({ type: 'download.start', id: 'a', request: { reference: 'http://10.0.0.1/model.gguf' } });
    assert.equal((await socket.next('error', ({ id }) => id === 'a')).error.code, 'FORBIDDEN');
    socket.send({ type: 'download.start', id: 'b', request: { model: 'far' } });
    const { result } = await socket.next('reply', ({ id }) => id === 'b');
    await testServer.lamina.downloads.wait((result as JsonObject)['id'] as string);
  });

  it('are files of this machine only when the operator wrote them to the manifest', async () => {
    await open();
    await assertRefused(await download({ reference: '/etc/hostname' }));
    await testServer.lamina.models.save('here', { path: 'here.fake', download: { local: { path: '/etc/hostname' } } });
    assert.equal((await download({ model: 'here' })).status, 202);
  });
});
