// Who gets a WebSocket, how other upgrade requests are answered, and how it closes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa from 'koa';
import { watchForLeaks } from '@lamina/testing';
import { attachWebSocket, laminaRouter } from '@lamina/server-koa';
import { chat, startTestServer, until, type TestServer } from './support/test-server.js';
import { WebSocket } from 'ws';
import { dial, readAll } from './support/raw.js';
import { TestSocket } from './support/socket.js';

describe('the WebSocket server', () => {
  let testServer: TestServer;
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  afterEach(() => testServer.close());

  const keyOf = (key: string) => `lamina.key.${Buffer.from(key).toString('base64url')}`;

  it('requires the subprotocol', async () => {
    testServer = await startTestServer();
    for (const protocols of [[], ['graphql-ws'], ['lamina.v2']]) {
      const { status, code, message } = await TestSocket.refusal(testServer.url, { protocols });
      assert.deepEqual([status, code], [400, 'REQUEST_INVALID']);
      assert.match(message, /lamina\.v1/);
    }
    const socket = await TestSocket.open(testServer.url, { protocols: ['other', 'lamina.v1'] });
    assert.equal(socket.ws.protocol, 'lamina.v1');
    const { session, protocol } = await socket.next('hello');
    assert.equal(protocol, 'lamina.v1');
    assert.ok(testServer.lamina.events.last.startsWith(`${session}-`));
    await socket.close();
  });

  it('requires a key as REST does, in a header or as a subprotocol, which it never repeats', async () => {
    testServer = await startTestServer({ server: { apiKeys: [{ key: 'schlüssel/+' }] } });
    const reasons: [string[], RegExp][] = [
      [['lamina.v1'], /^Authentication required\./],
      [['lamina.v1', keyOf('wrong')], /^The API key is not valid\.$/],
      [['lamina.v1', 'lamina.key.'], /^The API key is not valid\.$/],
    ];
    for (const [protocols, pattern] of reasons) {
      const { code, reason } = await TestSocket.rejection(testServer.url, { protocols });
      assert.equal(code, 4401);
      assert.match(reason, pattern);
    }
    for (const options of [
      { protocols: ['lamina.v1', keyOf('schlüssel/+')] },
      { protocols: [keyOf('schlüssel/+'), 'lamina.v1'] },
    ]) {
      const socket = await TestSocket.open(testServer.url, options);
      assert.equal(socket.ws.protocol, 'lamina.v1');
      assert.equal((await socket.chat('a')).last.type, 'chat.done');
      await socket.close();
    }
    assert.equal(JSON.stringify((await testServer.engine('tiny')).last).includes(keyOf('schlüssel/+')), false);
    const wrong = { headers: { authorization: 'Bearer nope' } };
    assert.equal((await TestSocket.rejection(testServer.url, wrong)).code, 4401);
    const { status, code, headers } = await TestSocket.refusal(testServer.url, { protocols: [] });
    assert.deepEqual([status, code, headers['www-authenticate']], [401, 'UNAUTHORIZED', 'Bearer']);
  });

  it('allows no more than the scope of a key', async () => {
    testServer = await startTestServer({
      server: {
        apiKeys: [
          { key: 'chats', scope: 'inference' },
          { key: 'manages', scope: 'manage' },
        ],
      },
    });
    const chats = await TestSocket.open(testServer.url, { headers: { authorization: 'Bearer chats' } });
    const manages = await TestSocket.open(testServer.url, { headers: { authorization: 'Bearer manages' } });
    assert.deepEqual((await chats.next('hello')).scopes, ['inference']);
    assert.deepEqual((await manages.next('hello')).scopes, ['manage']);
    assert.equal((await chats.chat('a')).last.type, 'chat.done');
    chats.send({ type: 'model.stop', id: 'b', model: 'tiny' });
    const refused = await chats.next('error', ({ id }) => id === 'b');
    assert.equal(refused.error.code, 'FORBIDDEN');
    assert.match(refused.error.message, /"model\.stop".*"manage".*"inference"/);
    manages.start('c');
    assert.equal((await manages.next('error', ({ id }) => id === 'c')).error.code, 'FORBIDDEN');
    manages.send({ type: 'model.stop', id: 'd', model: 'tiny' });
    assert.equal((await manages.next('reply', ({ id }) => id === 'd')).result['state' as never], 'stopped');
    chats.send({ type: 'events.subscribe', id: 'e', types: ['log.line'] });
    assert.equal((await chats.next('error', ({ id }) => id === 'e')).error.code, 'FORBIDDEN');
  });

  it('refuses web pages of other origins, and foreign host names', async () => {
    testServer = await startTestServer();
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example']) {
      const { code, reason } = await TestSocket.rejection(testServer.url, { origin });
      assert.deepEqual(
        [code, reason],
        [4403, `The origin "${origin}" is not allowed. Allow origins with --cors <origin> (option cors).`],
      );
    }
    const host = await TestSocket.rejection(testServer.url, { headers: { host: 'evil.example' } });
    assert.equal(host.code, 4403);
    assert.match(host.reason, /^The host name "evil\.example" is not allowed\./);
    // The longest reason of a close has 123 bytes.
    const long = await TestSocket.rejection(testServer.url, { headers: { host: `${'é'.repeat(200)}.example` } });
    assert.match(long.reason, /^The host name ".*…$/);
    assert.ok(Buffer.byteLength(long.reason) <= 123 && !long.reason.includes('\ufffd'));
    await (await TestSocket.open(testServer.url, { origin: testServer.url })).close();
    await testServer.close();
    testServer = await startTestServer({ server: { cors: ['https://app.example'] } });
    await (await TestSocket.open(testServer.url, { origin: 'https://app.example' })).close();
    assert.equal((await TestSocket.rejection(testServer.url, { origin: 'https://evil.example' })).code, 4403);
  });

  it('reads nothing from a client it refuses, and keeps no connection of it', async () => {
    testServer = await startTestServer({ server: { apiKeys: [{ key: 'k' }], maxConnectionsPerAddress: 2 } });
    for (const size of [10, 2_000_000]) {
      const ws = new WebSocket(`${testServer.url.replace('http', 'ws')}/ws`, 'lamina.v1');
      ws.on('open', () => {
        ws.send(JSON.stringify({ type: 'ping', id: 'a', padding: 'x'.repeat(size) }), () => undefined);
      });
      ws.on('message', (data) => assert.fail(String(data)));
      ws.on('error', () => undefined);
      const [code] = (await once(ws, 'close')) as [number];
      assert.equal(code, 4401);
    }
    // A client that does not confirm the close holds a connection for two seconds at most, and none that others need.
    const silent: Promise<string>[] = [];
    for (let count = 0; count < 2; count++) {
      const socket = dial(testServer.url);
      socket.write(
        'GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: lamina.v1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      await once(socket, 'readable');
      silent.push(readAll(socket));
    }
    assert.equal((await fetch(`${testServer.url}/health`)).status, 200);
    await Promise.all(silent);
  });

  it('is at /ws only, and reports it elsewhere', async () => {
    testServer = await startTestServer();
    const { status, message } = await TestSocket.refusal(testServer.url, { path: '/socket' });
    assert.equal(status, 404);
    assert.match(message, /The WebSocket is at \/ws/);
    const plain = await fetch(`${testServer.url}/ws`);
    assert.equal(plain.status, 400);
    assert.match(await plain.text(), /lamina\.v1/);
    await (await TestSocket.open(testServer.url, { path: '/ws?x=1' })).close();
  });

  it('refuses an invalid handshake', async () => {
    testServer = await startTestServer();
    const lines = [
      'GET /ws HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Protocol: lamina.v1',
    ];
    for (const more of [
      [],
      ['Sec-WebSocket-Key: x', 'Sec-WebSocket-Version: 13'],
      ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 7'],
    ]) {
      const socket = dial(testServer.url);
      socket.write(`${[...lines, ...more].join('\r\n')}\r\n\r\n`);
      assert.match(await readAll(socket), /^HTTP\/1\.1 4/);
    }
  });

  it('serves requests that offer another protocol over HTTP, with their bodies', async () => {
    testServer = await startTestServer();
    const body = JSON.stringify(chat('tiny', 'x'.repeat(200_000)));
    const call = request(`${testServer.url}/v1/chat/completions`, {
      method: 'POST',
      headers: {
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA',
        'content-type': 'application/json',
      },
    });
    call.end(body);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 200);
    let text = '';
    for await (const part of response) text += String(part);
    assert.match(text, /tiny: 1 2/);
    const get = request(`${testServer.url}/health`, { headers: { connection: 'Upgrade', upgrade: 'h2c' } });
    get.end();
    const [health] = (await once(get, 'response')) as [IncomingMessage];
    assert.equal(health.statusCode, 200);
    health.resume();
  });

  it('closes idle sockets with 1001 at once, busy ones when their last chat has ended', async () => {
    testServer = await startTestServer({ models: { tiny: { chunks: 20, chunk_ms: 2 } } });
    const idle = await TestSocket.open(testServer.url);
    idle.send({ type: 'events.subscribe', id: 's' });
    await idle.next('reply');
    const busy = await TestSocket.open(testServer.url);
    busy.start('a');
    await busy.next('chat.chunk');
    const closed = testServer.server.close();
    assert.equal(await idle.closed, 1001);
    busy.start('late');
    assert.equal((await busy.next('error', ({ id }) => id === 'late')).error.code, 'SHUTTING_DOWN');
    assert.equal((await busy.ended('a')).last.type, 'chat.done');
    assert.equal(await busy.closed, 1001);
    await closed;
  });

  it('ends chats and calls at once when its signal is aborted', async () => {
    testServer = await startTestServer({ models: { tiny: { chunk_ms: 1 }, slow: { load_ms: 60_000 } } });
    const socket = await TestSocket.open(testServer.url);
    socket.start('a', 'tiny', '/count');
    socket.send({ type: 'model.start', id: 'b', model: 'slow' });
    await socket.next('chat.chunk');
    await testServer.server.close({ signal: AbortSignal.abort() });
    assert.equal(await socket.closed, 1001);
    await until('the lease is back', () => testServer.lamina.runtime.slot('tiny').busy === 0);
  });

  it('ends endless chats with an error when their Lamina closes', async () => {
    testServer = await startTestServer({
      models: { tiny: { chunk_ms: 1 } },
      lamina: { limits: { drainTimeout: 0.1 } },
    });
    const socket = await TestSocket.open(testServer.url);
    socket.start('a', 'tiny', '/count');
    await socket.next('chat.chunk');
    await testServer.lamina.close();
    const { last } = await socket.ended('a');
    assert.equal(last.type === 'chat.error' && last.error.code, 'SHUTTING_DOWN');
    assert.equal(await socket.closed, 1001);
    assert.equal((await TestSocket.refusal(testServer.url)).code, 'SHUTTING_DOWN');
  });

  describe('in an application of a host', () => {
    it('shares the port with other routes and sockets, and detaches completely', async () => {
      testServer = await startTestServer({ models: { tiny: { chunk_ms: 1 } } });
      const app = new Koa();
      app.use(laminaRouter(testServer.lamina).prefix('/ai').routes());
      app.use((ctx) => void (ctx.body = 'mine'));
      const http = createServer();
      const handle = app.callback();
      http.on('request', (asked, response) => void handle(asked, response));
      http.on('upgrade', (asked, socket) => {
        if (asked.url === '/mine')
          socket.end('HTTP/1.1 418 Mine\r\nConnection: close\r\n\r\n{"error":{"code":"MINE","message":""}}');
      });
      const webSocket = attachWebSocket(http, testServer.lamina, { path: '/ai/ws' });
      http.listen(0, '127.0.0.1');
      await once(http, 'listening');
      const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
      const socket = await TestSocket.open(url, { path: '/ai/ws' });
      assert.equal((await socket.chat('a')).last.type, 'chat.done');
      assert.equal(await (await fetch(url)).text(), 'mine');
      assert.equal((await TestSocket.refusal(url, { path: '/mine' })).status, 418);
      socket.start('b', 'tiny', '/count');
      await socket.next('chat.chunk', ({ id }) => id === 'b');
      await webSocket.close({ signal: AbortSignal.abort() });
      assert.equal(await socket.closed, 1001);
      assert.equal(http.listenerCount('upgrade'), 1);
      assert.equal((await fetch(`${url}/ai/health`)).status, 200);
      http.close();
      http.closeAllConnections();
      await once(http, 'close');
    });

    it('is separate from another Lamina in the same process', async () => {
      testServer = await startTestServer({ models: { one: {} } });
      const other = await startTestServer({ models: { two: {} }, server: { apiKeys: [{ key: 'k' }] } });
      try {
        const first = await TestSocket.open(testServer.url);
        const second = await TestSocket.open(other.url, { headers: { authorization: 'Bearer k' } });
        for (const socket of [first, second]) {
          socket.send({ type: 'events.subscribe', id: 's' });
          await socket.next('reply');
        }
        assert.equal((await first.chat('a', 'two')).last.type, 'chat.error');
        assert.equal((await first.chat('b', 'one')).last.type, 'chat.done');
        assert.equal((await second.chat('b', 'two')).last.type, 'chat.done');
        await testServer.lamina.close();
        assert.equal(await first.closed, 1001);
        assert.equal((await second.chat('c', 'two')).last.type, 'chat.done');
        // Of the other's model it knows only that somebody asked for it.
        const aboutTwo = first.frames.filter((frame) => JSON.stringify(frame).includes('"model":"two"'));
        assert.deepEqual(
          aboutTwo.map((frame) => (frame.type === 'event' ? frame.event.type : frame.type)),
          ['request.started', 'request.finished', 'chat.error'],
        );
        assert.ok(second.frames.every((frame) => !JSON.stringify(frame).includes('"model":"one"')));
      } finally {
        await other.close();
      }
    });
  });
});
