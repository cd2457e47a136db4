// Access: keys and their scopes, host names, web pages.
import assert from 'node:assert/strict';
import { LaminaError, type Logger } from '@lamina/core';
import { createServer, type ServerOptions } from '@lamina/server-koa';
import { attached, chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';
import { remotePlugin } from './support/remote.js';
import { parse, dial, readAll } from './support/raw.js';
import { TestSocket } from './support/socket.js';

describe('security', () => {
  let testServer: TestServer;

  const open = async (server: ServerOptions) => (testServer = await startTestServer({ server }));

  afterEach(() => testServer.close());

  const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

  /** Every route there is, found in the router itself, so that a new one without a guard is noticed. */
  const routes: [string, string][] = [
    ['GET', '/models'],
    ['GET', '/models/tiny'],
    ['POST', '/models/tiny/start'],
    ['POST', '/models/tiny/stop'],
    ['GET', '/backends'],
    ['POST', '/backends/refresh'],
    ['POST', '/backends/fake/install'],
    ['GET', '/v1/models'],
    ['GET', '/v1/models/tiny'],
    ['POST', '/v1/chat/completions'],
    ['POST', '/v1/embeddings'],
    ['POST', '/v1/anything'],
    ['GET', '/v1/anything?model=tiny'],
    ['POST', '/chat/tiny'],
  ];

  describe('keys', () => {
    beforeEach(() =>
      open({
        apiKeys: [
          { key: 'all-of-it' },
          { key: 'only-chats', scope: 'inference' },
          { key: 'only-manages', scope: 'manage' },
        ],
      }),
    );

    it('are required on every route except /health', async () => {
      for (const init of [
        {},
        withKey('wrong'),
        withKey(''),
        { headers: { authorization: 'Basic YWxsOm9mLWl0' } },
        { headers: { 'x-api-key': 'all-of-i' } },
      ]) {
        for (const [method, path] of routes) {
          const answer = await fetch(testServer.url + path, { method, ...init });
          assert.equal(answer.status, 401, `${method} ${path}`);
          assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
          assert.equal((await errorOf(answer)).type, 'authentication_error');
        }
      }
      assert.deepEqual(testServer.lamina.runtime.slots(), []);
    });

    it('are accepted in either header', async () => {
      assert.equal((await fetch(`${testServer.url}/models`, withKey('all-of-it'))).status, 200);
      assert.equal((await fetch(`${testServer.url}/models`, { headers: { 'x-api-key': 'all-of-it' } })).status, 200);
      assert.equal(
        (await fetch(`${testServer.url}/models`, { headers: { authorization: 'bearer all-of-it' } })).status,
        200,
      );
    });

    it('allow no more than their scope', async () => {
      assert.equal((await testServer.post('/v1/chat/completions', chat('tiny'), withKey('only-chats'))).status, 200);
      for (const path of ['/models/tiny/start', '/models/tiny/stop']) {
        const answer = await testServer.post(path, '', withKey('only-chats'));
        assert.equal(answer.status, 403);
        assert.match((await errorOf(answer)).message, /"manage".*"inference"/);
      }
      assert.equal((await testServer.post('/models/tiny/start', '', withKey('only-manages'))).status, 200);
      assert.equal((await testServer.post('/v1/chat/completions', chat('tiny'), withKey('only-manages'))).status, 403);
      assert.equal((await testServer.post('/backends/refresh', '', withKey('only-chats'))).status, 403);
      assert.equal((await testServer.post('/backends/fake/install', '', withKey('only-chats'))).status, 403);
      assert.equal((await testServer.post('/backends/refresh', '', withKey('only-manages'))).status, 200);
      assert.equal((await testServer.post('/backends/fake/install', '', withKey('only-manages'))).status, 200);
      assert.equal((await fetch(`${testServer.url}/models`, withKey('only-chats'))).status, 200);
    });

    it('without the scope manage see neither process nor address of an engine', async () => {
      await testServer.post('/models/tiny/start', '', withKey('all-of-it'));
      const seen = async (key: string) =>
        (await (await fetch(`${testServer.url}/models/tiny`, withKey(key))).json()) as {
          server: Record<string, unknown>;
        };
      assert.equal('pid' in (await seen('only-chats')).server, false);
      assert.equal('origin' in (await seen('only-chats')).server, false);
      assert.equal(typeof (await seen('only-manages')).server['pid'], 'number');
    });

    it('are not required for /health, which then reports only its status', async () => {
      const keyless = (await (await fetch(`${testServer.url}/health`)).json()) as object;
      assert.deepEqual(Object.keys(keyless), ['status', 'timestamp']);
      const keyed = (await (await fetch(`${testServer.url}/health`, withKey('only-chats'))).json()) as object;
      assert.ok('models' in keyed);
    });

    it('never reach an engine; its own key never reaches a client', async () => {
      await (await testServer.post('/v1/chat/completions', chat('tiny'), withKey('all-of-it'))).text();
      const { last } = await testServer.engine('tiny');
      assert.equal(JSON.stringify(last).includes('all-of-it'), false);
      const engineKey = String(last?.headers['authorization']).slice('Bearer '.length);
      assert.ok(engineKey.length > 10);
      for (const path of ['/models', '/models/tiny', '/backends', '/health']) {
        assert.equal(
          (await (await fetch(testServer.url + path, withKey('all-of-it'))).text()).includes(engineKey),
          false,
          path,
        );
      }
    });

    it('without the scope manage do not see what an engine printed', async () => {
      await testServer.close();
      testServer = await startTestServer({
        models: { tiny: { exit_code: 1, stderr: ['error: no such layer', 'listening on 127.0.0.1:1'] } },
        server: { apiKeys: [{ key: 'all-of-it' }, { key: 'only-chats', scope: 'inference' }] },
      });
      const details = async (key: string) => {
        await testServer.lamina.runtime.stop('tiny');
        return (await errorOf(await testServer.post('/v1/chat/completions', chat('tiny'), withKey(key)))).details;
      };
      assert.match(JSON.stringify(await details('all-of-it')), /127\.0\.0\.1:1/);
      const seen = JSON.stringify(await details('only-chats'));
      assert.match(seen, /no such layer/);
      assert.equal(seen.includes('127.0.0.1'), false);
    });

    it('make any host name valid', async () => {
      assert.equal((await asHost('evil.example')).status, 200);
    });
  });

  const asHost = async (host: string) => {
    const socket = dial(testServer.url);
    socket.write(`GET /health HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return parse(await readAll(socket));
  };

  it('foreign host names are refused without a key, against DNS rebinding', async () => {
    await open({ allowedHosts: ['models.home.arpa', '.trusted.example'] });
    for (const host of [
      'localhost',
      'localhost:11500',
      'LOCALHOST',
      'app.localhost',
      '127.0.0.1',
      '192.168.1.7:80',
      '[::1]:11500',
      'models.home.arpa',
      'a.trusted.example',
    ]) {
      assert.equal((await asHost(host)).status, 200, host);
    }
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'trusted.example',
      'notlocalhost',
      'models.home.arpa.evil.example',
      '[::1].evil.example',
      '[::1]evil.example:80',
      '127.0.0.1:80.evil.example',
      'user@localhost',
      '[localhost',
      'localhost:80:90',
    ]) {
      const { status, body } = await asHost(host);
      assert.equal(status, 403, host);
      assert.equal((JSON.parse(body) as { error: { code: string } }).error.code, 'FORBIDDEN');
    }
  });

  const asPage = (origin: string, init: RequestInit = {}) =>
    fetch(`${testServer.url}/models`, { ...init, headers: { ...init.headers, origin } });

  it('web pages of other origins are refused, those of the same origin are not', async () => {
    await open({});
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example:80',
      'http://evil.example/http://localhost',
      'http://[::1].evil.example',
      'http://notlocalhost',
      'ftp://localhost',
      `${testServer.url}.evil.example`,
    ]) {
      const answer = await asPage(origin);
      assert.equal(answer.status, 403, origin);
      assert.equal(answer.headers.get('access-control-allow-origin'), null);
      assert.match((await errorOf(answer)).message, /--cors <origin>/, 'it names the flag');
    }
    assert.equal((await asPage(testServer.url)).status, 200);
    assert.equal(
      (
        await asPage('https://evil.example', {
          method: 'OPTIONS',
          headers: { 'access-control-request-method': 'POST' },
        })
      ).status,
      403,
    );
    assert.equal(
      (
        await fetch(`${testServer.url}/v1/x?model=tiny`, {
          headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
        })
      ).status,
      403,
    );
    assert.deepEqual(testServer.lamina.runtime.slots(), []);
  });

  it('a GET never starts a model, whatever its path: a link or an image of a web page can make a browser send it', async () => {
    await open({});
    const paths = [
      '/v1/x?model=tiny',
      '/v1/constructor?model=tiny',
      '/v1/responses/1?model=tiny',
      '/models/tiny',
      '/models',
      '/backends?refresh=1',
      '/v1/models',
    ];
    for (const path of paths) {
      for (const method of ['GET', 'HEAD']) await (await fetch(testServer.url + path, { method })).text();
    }
    for (const method of ['GET', 'DELETE', 'POST']) {
      const body = method === 'POST' ? { body: JSON.stringify({ model: 'tiny' }) } : {};
      const answer = await fetch(`${testServer.url}/v1/only-the-engine-knows?model=tiny`, { method, ...body });
      assert.equal(answer.status, 409, method);
      const error = await errorOf(answer);
      assert.equal(error.code, 'MODEL_NOT_RUNNING');
      assert.match(error.message, /POST \/models\/tiny\/start/);
    }
    assert.deepEqual(testServer.lamina.runtime.slots(), []);
    assert.equal((await fetch(`${testServer.url}/models/tiny/start`)).status, 404);
    await testServer.lamina.runtime.start('tiny');
    const answered = await fetch(`${testServer.url}/v1/only-the-engine-knows?model=tiny`);
    assert.equal((await errorOf(answered)).code === 'MODEL_NOT_RUNNING', false, 'a model that runs is reached');
  });

  it('allowed web pages get CORS headers, also in a streamed answer', async () => {
    await open({ cors: ['https://app.example'] });
    const answer = await asPage('https://app.example');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://app.example');
    assert.match(answer.headers.get('vary') ?? '', /Origin/i);
    assert.equal((await asPage('https://evil.example')).status, 403);
    const preflight = await asPage('https://app.example', {
      method: 'OPTIONS',
      headers: {
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-stainless-os',
      },
    });
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get('access-control-allow-methods') ?? '', /POST/);
    assert.equal(preflight.headers.get('access-control-allow-headers'), 'authorization,x-stainless-os');
    const stream = await testServer.post('/v1/chat/completions', chat('tiny', 'hi', { stream: true }), {
      headers: { origin: 'https://app.example' },
    });
    assert.equal(stream.headers.get('access-control-allow-origin'), 'https://app.example');
    assert.match(await stream.text(), /\[DONE\]/);
    const error = await testServer.post('/v1/chat/completions', '', { headers: { origin: 'https://app.example' } });
    assert.equal(error.headers.get('access-control-allow-origin'), 'https://app.example');
  });

  describe('a page on localhost, without --cors', () => {
    const local = { headers: { origin: 'http://localhost:3000' } };

    it('may use GET and inference, and reads the answers', async () => {
      await open({});
      for (const origin of [
        'http://localhost',
        'http://localhost:5173',
        'https://127.0.0.1:8443',
        'http://[::1]:3000',
      ]) {
        const list = await asPage(origin);
        assert.equal(list.status, 200, origin);
        assert.equal(list.headers.get('access-control-allow-origin'), origin);
        const answer = await testServer.post('/v1/chat/completions', chat('tiny'), { headers: { origin } });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get('access-control-allow-origin'), origin);
        assert.equal(answer.headers.get('access-control-allow-credentials'), null);
        assert.match(answer.headers.get('access-control-expose-headers') ?? '', /retry-after/);
      }
    });

    it('may not manage, by HTTP or WebSocket; the refusal names the flag', async () => {
      await open({});
      const requests: [string, string][] = [
        ['POST', '/models/tiny/start'],
        ['POST', '/models/tiny/stop'],
        ['POST', '/models/reload'],
        ['DELETE', '/models/tiny'],
        ['POST', '/download'],
        ['DELETE', '/downloads/1'],
        ['POST', '/backends/refresh'],
      ];
      for (const [method, path] of requests) {
        const answer = await fetch(testServer.url + path, { method, ...local });
        assert.equal(answer.status, 403, `${method} ${path}`);
        assert.match((await errorOf(answer)).message, /--cors http:\/\/localhost:3000/);
        assert.equal(answer.headers.get('access-control-allow-origin'), local.headers.origin, 'the page can read why');
      }
      const socket = await TestSocket.open(testServer.url, { origin: local.headers.origin });
      assert.equal((await socket.chat('a')).last.type, 'chat.done');
      socket.send({ type: 'model.stop', id: 'b', model: 'tiny' });
      const { error } = await socket.next('error', ({ id }) => id === 'b');
      assert.match(error.message, /"model\.stop" is not open to web pages .*--cors http:\/\/localhost:3000/);
      await socket.close();
      assert.equal(testServer.lamina.runtime.slot('tiny').state, 'ready');
    });

    it('sees neither processes nor addresses of engines', async () => {
      await open({});
      await testServer.lamina.runtime.start('tiny');
      const { server } = (await (await fetch(`${testServer.url}/models/tiny`, local)).json()) as { server: object };
      assert.deepEqual([Object.hasOwn(server, 'pid'), Object.hasOwn(server, 'origin')], [false, false]);
    });

    it('needs a key where other clients need one, and may not manage with it', async () => {
      await open({ apiKeys: [{ key: 'k' }] });
      assert.equal((await asPage('http://localhost:3000')).status, 401);
      const keyed = { headers: { ...local.headers, ...withKey('k').headers } };
      assert.equal((await fetch(`${testServer.url}/models`, keyed)).status, 200);
      assert.equal((await testServer.post('/models/tiny/start', '', keyed)).status, 403);
    });
  });

  it('a page that --cors names may manage, also one on localhost', async () => {
    await open({ cors: ['http://localhost:3000'] });
    const asManager = { headers: { origin: 'http://localhost:3000' } };
    assert.equal((await testServer.post('/models/tiny/start', '', asManager)).status, 200);
    assert.equal(
      (await testServer.post('/models/tiny/stop', '', { headers: { origin: 'http://localhost:3001' } })).status,
      403,
    );
  });

  it('a "*" in an origin stands for a part of its name, or for its port', async () => {
    await open({ cors: ['https://*.Example.com', 'http://192.168.1.7:*', 'app://*'] });
    for (const origin of [
      'https://a.example.com',
      'https://a.b.example.com',
      'http://192.168.1.7:8080',
      'app://obsidian.md',
    ])
      assert.equal((await asPage(origin)).headers.get('access-control-allow-origin'), origin);
    for (const origin of [
      'https://example.com',
      'http://a.example.com',
      'https://a.example.com:8443',
      'https://a.example.com.evil.example',
      'https://evil.example:1.example.com',
      'https://aXexample.com',
      'http://192.168.1.7',
      'http://192x168.1.7:80',
      'app://',
    ])
      assert.equal((await asPage(origin)).status, 403, origin);
  });

  it('something that is not an origin is refused when the server is created', async () => {
    await open({});
    for (const origin of ['app.example', 'https://app.example/', 'https://app.example/chat', '', 'localhost:3000'])
      assert.throws(
        () => createServer(testServer.lamina, { port: 0, cors: [origin] }),
        (error: unknown) =>
          LaminaError.is(error, 'CONFIG_INVALID') && error.message.includes(`"${origin}" is not an origin`),
      );
  });

  it('every answer varies by origin, so that no cache gives one page the answer of another', async () => {
    await open({ cors: ['https://app.example'] });
    for (const answer of [
      await fetch(`${testServer.url}/health`),
      await asPage('https://app.example'),
      await asPage('https://evil.example'),
    ])
      assert.match(answer.headers.get('vary') ?? '', /\borigin\b/i);
  });

  it('a preflight of a page of the internet may reach a private network when its origin is allowed', async () => {
    await open({ cors: ['https://app.example'] });
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-private-network': 'true' };
    const header = async (origin: string) =>
      (await asPage(origin, { method: 'OPTIONS', headers: asked })).headers.get('access-control-allow-private-network');
    assert.equal(await header('https://app.example'), 'true');
    assert.equal(await header('https://evil.example'), null);
  });

  it("all web pages are allowed with cors: '*'", async () => {
    await open({ cors: '*', apiKeys: [{ key: 'k' }] });
    const preflight = await asPage('https://any.example', {
      method: 'OPTIONS',
      headers: { 'access-control-request-method': 'GET' },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
    assert.equal((await asPage('https://any.example')).status, 401);
  });

  it('a public address needs a key, or allowUnauthenticated', async () => {
    await open({});
    for (const host of ['0.0.0.0', '::', '192.168.1.7', 'models.home.arpa', '']) {
      assert.throws(
        () => createServer(testServer.lamina, { host, port: 0 }),
        (error: unknown) => LaminaError.is(error, 'CONFIG_INVALID') && error.message.includes('key'),
        host,
      );
    }
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost'])
      createServer(testServer.lamina, { host, port: 0 });
    const open4 = createServer(testServer.lamina, { host: '0.0.0.0', port: 0, allowUnauthenticated: true });
    assert.match(await open4.listen(), /^http:\/\/0\.0\.0\.0:\d+$/);
    await open4.close();
    createServer(testServer.lamina, { host: '0.0.0.0', port: 0, apiKeys: [{ key: 'k' }] });
  });

  it('an internal error reveals nothing about its cause', async () => {
    const lines: Record<string, unknown>[] = [];
    const log: Logger = {
      debug() {},
      info() {},
      warn() {},
      error: (data) => void lines.push(data as Record<string, unknown>),
      child: () => log,
    };
    const broken = remotePlugin(() => {
      throw new Error('a secret in /etc/passwd');
    });
    testServer = await startTestServer({ models: {}, entries: { far: attached }, plugins: [broken], lamina: { log } });
    const answer = await testServer.post('/v1/chat/completions', chat('far'));
    assert.equal(answer.status, 500);
    const text = await answer.text();
    assert.match(text, /INTERNAL/);
    assert.equal(/secret|passwd|at /.test(text), false);
    const line = lines.find(({ path }) => path === '/v1/chat/completions');
    assert.match(String(line?.['err']), /a secret/);
    assert.equal(line?.['request'], answer.headers.get('x-request-id'));
  });
});
