// The addresses that the server listens on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createNetServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { LaminaError } from '@lamina/core';
import { createServer } from '@lamina/server-koa';
import { chat, startTestServer, type TestServer } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

describe('a server on localhost', () => {
  let testServer: TestServer;

  afterEach(() => testServer.close());

  before(function () {
    if (!hasIpv6) this.skip();
  });

  it('listens on both loopback addresses, on one port, also when it chooses the port', async () => {
    testServer = await startTestServer({ server: { host: 'localhost' } });
    const { port } = new URL(testServer.url);
    assert.equal(testServer.url, `http://localhost:${port}`);
    for (const address of ['127.0.0.1', '[::1]']) {
      const url = `http://${address}:${port}`;
      const body = JSON.stringify(chat('tiny', 'hi', { stream: true }));
      const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
      assert.match(await answer.text(), /\[DONE\]/);
      const socket = await TestSocket.open(url);
      assert.equal((await socket.chat('a')).last.type, 'chat.done');
      await socket.close();
    }
  });

  it('closes the connections of both', async () => {
    testServer = await startTestServer({ models: { tiny: { chunk_ms: 1 } }, server: { host: 'localhost' } });
    const { port } = new URL(testServer.url);
    const url = `http://[::1]:${port}`;
    const body = JSON.stringify(chat('tiny', '/count', { stream: true }));
    const stream = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body });
    const broken = assert.rejects(stream.text());
    await testServer.server.close({ signal: AbortSignal.abort() });
    await broken;
    await assert.rejects(fetch(`${url}/health`));
  });

  it('does not start when the port of the second address is in use', async () => {
    testServer = await startTestServer();
    const taken = createNetServer().listen(0, '::1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const server = createServer(testServer.lamina, { host: 'localhost', port });
    await assert.rejects(
      server.listen(),
      (error: unknown) =>
        LaminaError.is(error, 'CONFIG_INVALID') &&
        /^Cannot listen on ::1, port \d+: the port is in use/.test(error.message),
    );
    await server.close();
    taken.close();
  });
});
