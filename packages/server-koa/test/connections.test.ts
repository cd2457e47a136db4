// Connections: their limits, and that each of them ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { createTestLamina } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';
import { chat, startTestServer, until, type TestServer } from './support/test-server.js';
import { dial, parse, readAll } from './support/raw.js';
import { TestSocket } from './support/socket.js';

const ask = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** A client that never closes its side. */
function stubborn(url: string): Socket {
  const { hostname, port } = new URL(url);
  return connect({ port: Number(port), host: hostname, allowHalfOpen: true }).on('error', () => undefined);
}

/** The server's side of the next connection. */
async function accepted(server: Server): Promise<Socket> {
  const [socket] = (await once(server.http, 'connection')) as [Socket];
  return socket;
}

describe('the connections of the server', () => {
  let testServer: TestServer;
  const open: { destroy(): void }[] = [];

  afterEach(async () => {
    open.splice(0).forEach((socket) => socket.destroy());
    await testServer.close();
  });

  /** A connection as the server has it, and whether it has been closed. */
  async function idle(
    localAddress?: string,
  ): Promise<{ client: Socket; isClosed: () => boolean; closed: Promise<unknown> }> {
    const { hostname, port } = new URL(testServer.url);
    const client = connect({
      port: Number(port),
      host: hostname,
      ...(localAddress === undefined ? {} : { localAddress }),
    })
      .on('error', () => undefined)
      .resume();
    open.push(client);
    const socket = await accepted(testServer.server);
    let isClosed = false;
    const closed = once(client, 'close').then(() => (isClosed = true));
    return { client, isClosed: () => isClosed || socket.destroyed, closed };
  }

  it('are limited: a new one closes the one that has been idle the longest', async () => {
    testServer = await startTestServer({ server: { maxConnections: 3, maxConnectionsPerAddress: 3 } });
    const [first, second, third] = [await idle(), await idle(), await idle()];
    first.client.write(ask); // It is idle again only now.
    await once(first.client, 'data');
    assert.equal((await fetch(`${testServer.url}/health`, { headers: { connection: 'close' } })).status, 200);
    await second.closed;
    assert.deepEqual([first.isClosed(), third.isClosed()], [false, false]);
  });

  it('are not closed for new ones while a request or a WebSocket is under way on them', async () => {
    testServer = await startTestServer({
      models: { tiny: { chunk_ms: 1 } },
      server: { maxConnections: 2, maxConnectionsPerAddress: 2 },
    });
    await testServer.lamina.runtime.start('tiny');
    const webSocket = await TestSocket.open(testServer.url);
    open.push({ destroy: () => webSocket.ws.terminate() });
    const stream = await testServer.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    const reader = stream.body!.getReader();
    await reader.read();
    const refused = await idle();
    await refused.closed;
    assert.equal((await reader.read()).done, false);
    webSocket.send({ type: 'ping', id: 'still' });
    await webSocket.next('pong', ({ id }) => id === 'still');
    await reader.cancel();
    await until('the stream has ended', async () =>
      fetch(`${testServer.url}/health`, { headers: { connection: 'close' } }).then(
        ({ status }) => status === 200,
        () => false,
      ),
    );
  });

  const linux = process.platform === 'linux' ? it : it.skip;

  linux('of one address are bounded too, so that it cannot take the place of others', async () => {
    testServer = await startTestServer({ server: { maxConnections: 4, maxConnectionsPerAddress: 2 } });
    const other = await idle('127.0.0.2');
    const greedy = [await idle(), await idle(), await idle(), await idle()];
    await Promise.all(greedy.slice(0, 2).map(({ closed }) => closed));
    assert.deepEqual(
      [other, ...greedy.slice(2)].map(({ isClosed }) => isClosed()),
      [false, false, false],
    );
  });

  it('are closed after a response to bytes that are not HTTP, whether or not the client closes its side', async () => {
    testServer = await startTestServer();
    for (const [bytes, status] of [
      ['nonsense\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const client = stubborn(testServer.url);
      open.push(client);
      const closed = accepted(testServer.server).then((socket) => once(socket, 'close'));
      client.write(bytes);
      const answer = readAll(client);
      await closed;
      client.end();
      assert.equal(parse(await answer).status, status);
    }
  });

  it('are closed after a refused upgrade, whether or not the client closes its side', async () => {
    testServer = await startTestServer({ server: { apiKeys: [{ key: 'secret' }] } });
    for (const [path, status] of [
      ['/ws', 401],
      ['/elsewhere', 404],
    ] as const) {
      const client = stubborn(testServer.url);
      open.push(client);
      const closed = accepted(testServer.server).then((socket) => once(socket, 'close'));
      client.write(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      );
      const answer = readAll(client);
      await closed;
      client.end();
      assert.equal(parse(await answer).status, status);
    }
  });

  it('count once when an upgrade to another protocol is ignored, and are idle after the response', async () => {
    testServer = await startTestServer({ server: { maxConnections: 1, maxConnectionsPerAddress: 1 } });
    const client = dial(testServer.url);
    open.push(client);
    client.write('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n');
    await once(client, 'data');
    const closed = once(client.resume(), 'close');
    const agent = new Agent({ keepAlive: true });
    open.push(agent);
    const [response] = (await once(get(`${testServer.url}/health`, { agent }), 'response')) as [
      { statusCode: number; resume(): void },
    ];
    response.resume();
    assert.equal(response.statusCode, 200);
    await closed;
  });
});

describe('a connection whose request does not arrive', () => {
  it('gets 408 and is closed after a timeout, silent or slow, whether or not the client closes its side', async () => {
    const lamina = await createTestLamina();
    const server = createServer(lamina, { port: 0 });
    Object.assign(server.http, { connectionsCheckingInterval: 20, headersTimeout: 100 });
    const url = await server.listen();
    try {
      const silent = stubborn(url);
      const silentClosed = accepted(server).then((socket) => once(socket, 'close'));
      const silentAnswer = readAll(silent);
      await silentClosed;
      silent.end();
      assert.equal(parse(await silentAnswer).status, 408);
      const slow = stubborn(url);
      const drip = setInterval(() => slow.write('x'), 10);
      slow.once('close', () => clearInterval(drip)).write('GET /health HTTP/1.1\r\nX-Slow: ');
      const slowClosed = accepted(server).then((socket) => once(socket, 'close'));
      const slowAnswer = readAll(slow);
      await slowClosed;
      clearInterval(drip);
      slow.end();
      // Bytes that were still on their way may reset the connection before the answer is read.
      assert.match(await slowAnswer, /^(HTTP\/1\.1 408 |$)/);
    } finally {
      await server.close({ signal: AbortSignal.abort() });
      await lamina.close();
    }
  });
});
