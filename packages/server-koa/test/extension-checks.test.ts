// No way around the checks: a route of a plugin is reached only by those who may, however the request is written.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LaminaError, type Plugin } from '@lamina/core';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import {
  createServer,
  laminaRouter,
  type FrameExtension,
  type HttpContext,
  type HttpMethod,
  type HttpRoute,
  type RouteScope,
  type Server,
} from '@lamina/server-koa';
import Koa from 'koa';
import { raw, type RawAnswer } from './support/raw.js';
import { TestSocket } from './support/socket.js';

const scopes: readonly RouteScope[] = ['inference', 'manage', 'any', 'public'];
const methods: readonly HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
/** `<scope>` in the paths of the routes; the first one replaces a route of Lamina. */
const patterns = ['/models/<scope>', '/x/<scope>', '/x/<scope>/:id', '/files-<scope>/*path'];

/** Who asks, and which routes it may reach. */
interface Client {
  readonly who: string;
  readonly headers: string;
  readonly may: readonly RouteScope[];
}

const withKey = (key: string) => `Authorization: Bearer ${key}\r\n`;
const foreignOrigin = 'Origin: https://evil.example\r\n';
const keyed: readonly Client[] = [
  { who: 'nobody', headers: '', may: ['public'] },
  { who: 'a wrong key', headers: withKey('wrong'), may: ['public'] },
  { who: 'two keys', headers: `${withKey('wrong')}X-Api-Key: m\r\n`, may: ['public'] },
  { who: 'a key for inference', headers: withKey('i'), may: ['public', 'any', 'inference'] },
  { who: 'a key to manage', headers: withKey('m'), may: ['public', 'any', 'manage'] },
  { who: 'a page elsewhere, with a key', headers: withKey('all') + foreignOrigin, may: [] },
  { who: 'a key for all', headers: withKey('all'), may: scopes },
];
const keyless: readonly Client[] = [
  { who: 'a page elsewhere', headers: foreignOrigin, may: [] },
  {
    who: 'an image of a page elsewhere',
    headers: 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n',
    may: [],
  },
  { who: 'a page on localhost', headers: 'Origin: http://localhost:3000\r\n', may: ['public', 'any', 'inference'] },
  { who: 'anybody', headers: '', may: scopes },
];

/** The ways to write the path of a route, and methods that are not those of the route. */
const spellings: readonly ((method: string, path: string) => string)[] = [
  (method, path) => `${method} ${path}/`,
  (method, path) => `${method} ${path.toUpperCase()}`,
  (method, path) => `${method} /${path}`,
  (method, path) => `${method} ${path.replace('/', '/./')}`,
  (method, path) => `${method} /health/..${path}`,
  (method, path) => `${method} /health/%2e%2e${path}`,
  (method, path) => `${method} ${path.replace(/[a-w]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`)}`,
  (method, path) => `${method} ${path}?a=1#b`,
  (method, path) => `${method} ${path};a=1`,
  (method, path) => `${method} http://127.0.0.1${path}`,
  (_, path) => `HEAD ${path}`,
  (_, path) => `OPTIONS ${path}`,
  (_, path) => `PROPFIND ${path}`,
];

const nameOf = ({ method, path }: HttpRoute): string => `${method} ${path}`;
const filled = (path: string): string => path.replace(':id', '1').replace('*path', 'a/b');

describe('the checks of routes of plugins', function () {
  this.timeout(60_000);

  let lamina: Awaited<ReturnType<typeof createTestLamina>>;
  let files: HttpServer;
  let filesUrl: string;
  let requested = 0;
  /** The routes that were reached. */
  const reached = new Set<string>();
  const servers: Server[] = [];

  const routes: HttpRoute[] = patterns.flatMap((pattern) =>
    scopes.flatMap((scope) =>
      methods.map((method) => ({
        method,
        scope,
        path: pattern.replace('<scope>', scope),
        handler: () => void reached.add(`${method} ${pattern.replace('<scope>', scope)}`),
      })),
    ),
  );
  const rights: HttpRoute[] = [
    { method: 'GET', path: '/rights', scope: 'public', handler: rightsOf },
    {
      method: 'POST',
      path: '/infer',
      scope: 'public',
      handler: ({ infer }) => infer('embeddings', { model: 'x', input: '' }),
    },
    {
      method: 'POST',
      path: '/fetch',
      scope: 'public',
      body: {},
      handler: ({ body, lamina }) =>
        lamina.downloads.start(body as never, { guard: undefined, ...(body as object) } as never),
    },
  ];
  const frameScopes = ['inference', 'manage', 'any'] as const;
  const frames = Object.fromEntries([
    ...frameScopes.map((scope): [string, FrameExtension] => [
      `mine.${scope}`,
      {
        scope,
        schema: { type: 'object' },
        run() {
          reached.add(`mine.${scope}`);
          return {};
        },
      },
    ]),
    [
      'mine.fetch',
      {
        scope: 'any',
        schema: { type: 'object' },
        run: (frame, { lamina }) => lamina.downloads.start(frame as never, { guard: undefined } as never),
      } satisfies FrameExtension,
    ],
  ]);
  const plugin: Plugin = {
    name: 'mine',
    setup: (context) => context.extend('http', { routes: [...routes, ...rights], frames }),
  };

  /** Service and function → the code of the error it throws, if the check of the caller throws. */
  async function rightsOf({ lamina }: HttpContext): Promise<Record<string, string>> {
    const codes: Record<string, string> = {};
    const call = async (name: string, run: (...given: unknown[]) => unknown, ...given: unknown[]) => {
      try {
        const started = run(...given);
        if (started instanceof Promise) await started;
        codes[name] = 'allowed';
      } catch (error) {
        const { code } = LaminaError.from(error);
        codes[name] = code === 'UNAUTHORIZED' || code === 'FORBIDDEN' ? code : 'allowed';
      }
    };
    for (const [service, functions] of Object.entries(lamina) as [string, object][]) {
      if (typeof functions === 'function') await call(service, functions as never, { model: 'none', messages: [] });
      else if (!(functions instanceof AbortSignal))
        for (const [name, run] of Object.entries(functions) as [string, () => unknown][])
          await call(`${service}.${name}`, run, 'none', {});
    }
    await call('backends.list refresh', lamina.backends.list as never, { refresh: true });
    return codes;
  }

  const serve = async (options: object): Promise<string> => {
    const server = createServer(lamina, { port: 0, ...options });
    servers.push(server);
    return server.listen();
  };
  const apiKeys = [{ key: 'i', scope: 'inference' }, { key: 'm', scope: 'manage' }, { key: 'all' }] as const;

  before(async () => {
    lamina = await createTestLamina({ plugins: [fakePlugin(), plugin] });
    files = createHttpServer((_, response) => {
      requested += 1;
      response.end('a fake model');
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    filesUrl = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
  });
  beforeEach(() => reached.clear());
  after(async () => {
    const signal = AbortSignal.abort();
    for (const server of servers) await server.close({ signal });
    await lamina.close();
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
  });

  const sendAs = (url: string, line: string, headers: string, host = '127.0.0.1') =>
    raw(url, `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: 0\r\n${headers}\r\n`);

  /** Sends every request to every route; none may reach a route that its client may not. */
  async function tryAll(url: string, clients: readonly Client[], prefix = ''): Promise<void> {
    for (const client of clients) {
      const send = (line: string) => sendAs(url, line, client.headers);
      const statuses = await Promise.all(routes.map(({ method, path }) => send(`${method} ${prefix}${filled(path)}`)));
      const allowed = routes.filter(({ scope }) => client.may.includes(scope));
      assert.deepEqual([...reached].sort(), allowed.map(nameOf).sort(), client.who);
      routes.forEach(({ scope }, index) => {
        const { status } = statuses[index]!;
        assert.ok(client.may.includes(scope) || status === 401 || status === 403, `${client.who}: ${status}`);
      });
      const posts = routes.filter(({ method, path }) => method === 'POST' && !path.includes('/files'));
      await Promise.all(
        posts.flatMap(({ method, path }) => spellings.map((spell) => send(spell(method, prefix + filled(path))))),
      );
      const wrong = routes.filter((route) => reached.has(nameOf(route)) && !allowed.includes(route));
      assert.deepEqual(wrong.map(nameOf), [], client.who);
      reached.clear();
    }
  }

  it('hold for every route, method and spelling, with and without keys', async () => {
    await tryAll(await serve({ apiKeys }), keyed);
    await tryAll(await serve({}), keyless);
  });

  it('hold in laminaRouter under a prefix', async () => {
    const app = new Koa();
    app.use(laminaRouter(lamina, { apiKeys }).prefix('/ai').routes());
    const handle = app.callback();
    const http = createHttpServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
    await once(http, 'listening');
    await tryAll(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, keyed, '/ai');
    http.close();
    await once(http, 'close');
  });

  it('refuse a foreign host name where no key is needed', async () => {
    const url = await serve({});
    for (const { method, path } of routes) {
      const answer = await sendAs(url, `${method} ${path}`, '', 'evil.example');
      assert.equal(answer.status, 403, `${method} ${path}`);
    }
    assert.equal(reached.size, 0);
  });

  describe('of frames', () => {
    const withHeader = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

    /** Sends every frame; only those that the client may send reach their handler. */
    async function tryFrames(url: string, may: readonly RouteScope[], options: object): Promise<void> {
      const socket = await TestSocket.open(url, options);
      for (const scope of frameScopes) {
        socket.send({ type: `mine.${scope}`, id: scope } as never);
        const answer = await socket.answer(scope);
        if (answer.type === 'error') assert.equal(answer.error.code, 'FORBIDDEN', scope);
      }
      const allowed = frameScopes.filter((scope) => may.includes(scope)).map((scope) => `mine.${scope}`);
      assert.deepEqual([...reached].sort(), allowed.sort());
      reached.clear();
      await socket.close();
    }

    it('hold for every frame, with and without keys', async () => {
      const url = await serve({ apiKeys });
      await tryFrames(url, ['any', 'inference'], withHeader('i'));
      await tryFrames(url, ['any', 'manage'], withHeader('m'));
      await tryFrames(url, scopes, withHeader('all'));
      for (const [options, code] of [
        [{}, 4401],
        [withHeader('wrong'), 4401],
        [{ ...withHeader('all'), origin: 'https://evil.example' }, 4403],
      ] as const)
        assert.equal((await TestSocket.rejection(url, options)).code, code);
      const open = await serve({});
      await tryFrames(open, ['any', 'inference'], { origin: 'http://localhost:3000' });
      await tryFrames(open, scopes, {});
      for (const options of [{ origin: 'https://evil.example' }, { headers: { host: 'evil.example' } }])
        assert.equal((await TestSocket.rejection(open, options)).code, 4403);
      assert.equal(reached.size, 0);
    });

    it('let no plugin download from a private address', async () => {
      const url = await serve({ apiKeys });
      for (const [key, message] of [
        ['i', /needs a key with the scope "manage"/],
        ['all', /private network/],
      ] as const) {
        const socket = await TestSocket.open(url, withHeader(key));
        socket.send({ type: 'mine.fetch', id: 'a', reference: `${filesUrl}/far.fake`, name: 'far' } as never);
        const answer = await socket.answer('a');
        assert.match(answer.type === 'error' ? answer.error.message : 'a reply', message);
        await socket.close();
      }
      assert.equal(requested, 0);
      assert.deepEqual(lamina.downloads.list(), []);
    });
  });

  describe('of ctx.lamina', () => {
    let url: string;
    before(async () => (url = await serve({ apiKeys })));

    const json = (answer: RawAnswer) => JSON.parse(answer.body) as Record<string, string>;

    it('allow no more than the routes of Lamina', async () => {
      const rightsWith = async (headers: string) => json(await sendAs(url, 'GET /rights', headers));
      const nobody = await rightsWith('');
      assert.ok(Object.keys(nobody).length > 20);
      for (const [name, code] of Object.entries(nobody)) assert.equal(code, 'UNAUTHORIZED', name);
      const refused = (codes: Record<string, string>) =>
        Object.keys(codes).filter((name) => codes[name] === 'FORBIDDEN');
      assert.deepEqual(refused(await rightsWith(withKey('i'))).sort(), [
        'backends.install',
        'backends.list refresh',
        'downloads.cancel',
        'downloads.pause',
        'downloads.remove',
        'downloads.resume',
        'downloads.search',
        'downloads.start',
        'models.reload',
        'models.remove',
        'models.save',
        'runtime.start',
        'runtime.stop',
      ]);
      assert.deepEqual(refused(await rightsWith(withKey('m'))), ['chat', 'complete', 'embed', 'runtime.load']);
      assert.deepEqual(refused(await rightsWith(withKey('all'))), []);
    });

    it('let no client use an engine without the scope "inference"', async () => {
      for (const [headers, status] of [
        ['', 401],
        [withKey('m'), 403],
        [withKey('i'), 404],
      ] as const) {
        assert.equal((await sendAs(url, 'POST /infer', headers)).status, status);
      }
    });

    it('start no download from a private address, whatever the plugin passes and whoever asks', async () => {
      const { port } = files.address() as AddressInfo;
      for (const origin of [
        filesUrl,
        `http://localhost:${port}`,
        `http://[::ffff:127.0.0.1]:${port}`,
        'http://10.0.0.1',
        'http://169.254.169.254',
      ]) {
        const request = { source: 'url', reference: `${origin}/far.fake`, name: 'far', guard: undefined };
        const answer = await fetch(`${url}/fetch`, {
          method: 'POST',
          headers: { authorization: 'Bearer all' },
          body: JSON.stringify(request),
        });
        const { error } = (await answer.json()) as { error: { code: string; message: string } };
        assert.equal(error.code, 'FORBIDDEN', origin);
        assert.match(error.message, /private network/);
      }
      assert.equal(requested, 0);
      assert.deepEqual(lamina.downloads.list(), []);
    });
  });
});
