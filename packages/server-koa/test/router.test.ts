// The routes in a Koa application of a host.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Koa from 'koa';
import { laminaRouter } from '@lamina/server-koa';
import { chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';

describe('laminaRouter', () => {
  let testServer: TestServer;
  let url: string;
  const http = createServer();

  before(async () => {
    testServer = await startTestServer({ models: { 'org/tiny': { chunks: 5 } } });
    const app = new Koa();
    const router = laminaRouter(testServer.lamina, { apiKeys: [{ key: 'k' }, { key: 'chats', scope: 'inference' }] });
    router.prefix('/ai');
    app.use(async (ctx, next) => {
      ctx.set('x-app', 'mine');
      await next();
    });
    app.use(router.routes());
    app.use((ctx) => void (ctx.body = 'the rest is mine'));
    const handle = app.callback();
    http.on('request', (request, response) => void handle(request, response)).listen(0, '127.0.0.1');
    await once(http, 'listening');
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });

  after(async () => {
    http.close();
    http.closeAllConnections();
    await testServer.close();
  });

  const ask = (path: string, body?: object, key = 'k') =>
    fetch(url + path, {
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });

  it('serves paths under its prefix, and no others', async () => {
    assert.equal(((await (await ask('/ai/health')).json()) as { status: string }).status, 'healthy');
    assert.equal(await (await ask('/health')).text(), 'the rest is mine');
    const answer = await ask('/ai/v1/chat/completions', chat('org/tiny', 'hi', { stream: true }));
    assert.equal(answer.headers.get('x-app'), 'mine');
    assert.match(await answer.text(), /\[DONE\]/);
  });

  it('includes its checks and its error shape', async () => {
    assert.equal((await fetch(`${url}/ai/models`)).status, 401);
    assert.equal((await ask('/ai/models/org/tiny/start', {}, 'chats')).status, 403);
    assert.equal((await errorOf(await ask('/ai/v1/chat/completions', { model: 'org/tiny' }))).param, 'messages');
    assert.equal((await fetch(`${url}/ai/models`, { headers: { origin: 'https://evil.example' } })).status, 403);
    assert.equal(((await (await ask('/ai/v1/messages', chat('x'))).json()) as { type: string }).type, 'error');
  });

  it('returns URLs with its prefix', async () => {
    await ask('/ai/models/org/tiny/start', {});
    const { server } = (await (await ask('/ai/models/org/tiny')).json()) as {
      server: { chat_endpoint: string; health_endpoint: string };
    };
    assert.equal(server.health_endpoint, `${url}/ai/health`);
    const path = server.chat_endpoint.slice(url.length);
    assert.equal((await ask(path, chat('org/tiny'))).status, 200);
  });

  it('detects under HTTP/2 that one of many requests on a connection was cancelled', async () => {
    const app = new Koa();
    app.use(laminaRouter(testServer.lamina).routes());
    const handle = app.callback();
    const server = createHttp2Server((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const ask = (prompt: string) => {
      const stream = session.request({ ':method': 'POST', ':path': '/v1/chat/completions' });
      stream.end(JSON.stringify(chat('org/tiny', prompt, { stream: true })));
      return stream;
    };
    const stranger = session.request({ ':path': '/models', ':authority': 'evil.example' });
    const [{ ':status': refused }] = (await once(stranger, 'response')) as [{ ':status': number }];
    assert.equal(refused, 403);
    stranger.close();
    const endless = ask('/count');
    await once(endless, 'data');
    const finished = testServer.lamina.events.once('request.finished', {
      signal: AbortSignal.timeout(5000),
      where: ({ status }) => status === 499,
    });
    endless.close();
    await finished;
    assert.match(await text(ask('hi')), /\[DONE\]/);
    const large = session.request({
      ':method': 'POST',
      ':path': '/v1/chat/completions',
      'content-length': String(2 ** 30),
    });
    assert.match(await text(large), /BODY_TOO_LARGE/);
    session.destroy(); // In Node 24 `close` would wait for the body of the last request, which never ends.
    server.close();
  });

  it('reports a body that has already been read', async () => {
    const app = new Koa();
    app.use(async (ctx, next) => {
      for await (const _ of ctx.req);
      await next();
    });
    app.use(laminaRouter(testServer.lamina).routes());
    const handle = app.callback();
    const other = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const answer = await fetch(`http://127.0.0.1:${(other.address() as AddressInfo).port}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(chat('org/tiny')),
    });
    assert.match((await errorOf(answer)).message, /body parser/);
    other.closeAllConnections();
    other.close();
  });
});
