// Downloads, and their progress over lost connections.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type LaminaClient, type LaminaClientError } from '@lamina/client';
import { watchForLeaks } from '@lamina/testing';
import { TcpProxy } from './support/tcp-proxy.js';
import { startTestServer, type TestServer } from './support/test-server.js';

const half = Buffer.alloc(50_000, 'x');

describe('downloads', () => {
  let testServer: TestServer;
  let proxy: TcpProxy;
  let client: LaminaClient;
  let files: Server;
  let noLeaks: () => Promise<void>;
  /** The responses that have sent the first half of their file. */
  const halfSent = new Map<string, ServerResponse>();

  before(async () => {
    noLeaks = await watchForLeaks();
    testServer = await startTestServer({ models: {} });
    proxy = await TcpProxy.open(testServer.url);
    files = createServer((request, response) => {
      response.setHeader('content-length', 2 * half.length);
      if (request.method === 'HEAD') return void response.end();
      response.write(half);
      halfSent.set(request.url!, response);
    });
    await once(files.listen(0, '127.0.0.1'), 'listening');
  });
  after(async () => {
    files.closeAllConnections();
    files.close();
    await proxy.close();
    await testServer.close();
    await noLeaks();
  });
  beforeEach(() => (client = connect(proxy.url)));
  afterEach(() => client.close());

  const start = (name: string) => {
    const reference = `http://127.0.0.1:${(files.address() as AddressInfo).port}/${name}.bin`;
    return client.downloads.start({ reference, name });
  };
  const finish = (name: string): void => void halfSent.get(`/${name}.bin`)!.end(half);

  /** Reads to the end, and returns the code of the error. */
  const codeOf = async (states: AsyncIterable<unknown>): Promise<string> => {
    try {
      for await (const _state of states);
      return 'none';
    } catch (error) {
      return (error as LaminaClientError).code;
    }
  };

  it('are watched until they have finished, also over a lost connection', async () => {
    const { id, model } = await start('watched');
    assert.equal(model, 'watched');
    const done: number[] = [];
    let last = '';
    for await (const download of client.downloads.watch(id)) {
      done.push(download.done);
      last = download.state;
      if (download.done !== half.length) continue;
      proxy.cut();
      finish('watched');
    }
    assert.equal(last, 'finished');
    assert.equal(done.at(-1), 2 * half.length);
    assert.deepEqual(
      done,
      [...done].sort((a, b) => a - b),
    );
  });

  it('are listed, paused, resumed and cancelled', async () => {
    const { id } = await start('paused');
    assert.equal((await client.downloads.pause(id)).state, 'paused');
    assert.equal((await client.downloads.list()).find((one) => one.id === id)?.state, 'paused');
    assert.notEqual((await client.downloads.resume(id)).state, 'paused');
    const watched = client.downloads.watch(id);
    await watched.next();
    assert.equal((await client.downloads.cancel(id)).state, 'cancelled');
    assert.equal(await codeOf(watched), 'ABORTED');
  });

  it('are no longer watched when the signal is aborted or the client is closed', async () => {
    const { id } = await start('left');
    const controller = new AbortController();
    const watched = [client.downloads.watch(id, { signal: controller.signal }), client.downloads.watch(id)] as const;
    for (const states of watched) await states.next();
    const ends = watched.map(codeOf);
    controller.abort();
    assert.equal(await ends[0], 'ABORTED');
    client.close();
    assert.equal(await ends[1], 'CLOSED');
    await testServer.lamina.downloads.cancel(id);
  });

  it('that do not exist cannot be watched', async () => {
    assert.equal(await codeOf(client.downloads.watch('nothing')), 'DOWNLOAD_NOT_FOUND');
    assert.equal(await codeOf(client.downloads.watch('nothing', { signal: AbortSignal.abort() })), 'ABORTED');
  });
});
