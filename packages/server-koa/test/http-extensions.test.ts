// Routes and middleware of plugins: the extension point `http`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatRequest, InferenceRequest, Lamina, Logger, Plugin } from '@lamina/core';
import { createTestLamina } from '@lamina/testing';
import Koa from 'koa';
import {
  callerOf,
  createServer as createLaminaServer,
  laminaRouter,
  type HttpContext,
  type HttpExtension,
} from '@lamina/server-koa';
import { chat, errorOf, startTestServer, until, type TestServer } from './support/test-server.js';

/** A plugin that contributes to the server. */
function extension(name: string, value: HttpExtension): Plugin {
  return { name, setup: (lamina) => lamina.extend('http', value) };
}

const noteSchema = {
  type: 'object',
  properties: { text: { type: 'string' } },
  required: ['text'],
  additionalProperties: false,
} as const;

describe('routes of plugins', () => {
  let testServer: TestServer;
  let url: string;
  /** What the middleware saw: the caller, the path, and the status or the code of an error. */
  let seen: string[] = [];
  /** Set by the handler of /notes/endless: how its iterable ended, and the signal. */
  let ended: string[] = [];
  let yielded = 0;
  let silences = 0;
  let endSilence = (): void => undefined;
  const requests: InferenceRequest[] = [];
  const lines: { event?: string; [field: string]: unknown }[] = [];
  const log: Logger = {
    debug() {},
    info: (data) => void lines.push({ ...data }),
    warn() {},
    error: (data) => void lines.push({ ...data }),
    child: () => log,
  };

  async function* endless(piece: object | string, signal: AbortSignal): AsyncGenerator<object | string> {
    signal.addEventListener('abort', () => ended.push('aborted'));
    try {
      for (;;) {
        yield piece;
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      ended.push('left');
    }
  }

  async function* large(): AsyncGenerator<object> {
    try {
      for (;;) {
        yielded += 1;
        yield await Promise.resolve({ text: 'x'.repeat(100_000) });
      }
    } finally {
      ended.push('left');
    }
  }

  /** Says nothing until its client has heard two signs of life. */
  async function* silent(end: string): AsyncGenerator<object> {
    await new Promise<void>((resolve) => (endSilence = resolve));
    if (end === 'fails') throw new RangeError('a secret of the plugin');
    yield { end };
  }

  function silence(end: string): string {
    if (end === 'throws') throw new RangeError('a secret of the plugin');
    silences += 1;
    if (silences === 2) endSilence();
    return ': waiting\n\n';
  }

  async function* failing(after: number): AsyncGenerator<object> {
    for (let part = 0; part < after; part++) yield await Promise.resolve({ part });
    throw new RangeError('a secret of the plugin');
  }

  async function* parts(): AsyncGenerator<object | string> {
    yield { a: 1 };
    yield await Promise.resolve(': a comment\n\n');
    yield { b: 'two\nlines' };
  }

  const notes: HttpExtension = {
    routes: [
      {
        method: 'GET',
        path: '/notes/:id',
        scope: 'any',
        handler: ({ params, caller, koa }) => ({ ...params, key: caller.name, q: koa.query['q'], path: '/usr/bin/x' }),
      },
      {
        method: 'POST',
        path: '/notes',
        scope: 'manage',
        body: noteSchema,
        handler({ koa, body }: HttpContext<{ text: string }>) {
          koa.status = 201;
          return { saved: body.text };
        },
      },
      { method: 'DELETE', path: '/notes/:id', scope: 'manage', handler: () => undefined },
      { method: 'GET', path: '/page', scope: 'public', handler: () => '<b>text</b>' },
      {
        method: 'PUT',
        path: '/raw',
        scope: 'inference',
        handler: async ({ koa, body }) => [body, await length(koa.req)],
      },
      { method: 'POST', path: '/v1/messages', scope: 'any', handler: handOn },
      { method: 'POST', path: '/nowhere', scope: 'any', handler: ({ next }) => next() },
      {
        method: 'POST',
        path: '/api/chat',
        scope: 'inference',
        body: {},
        handler: ({ infer, body }) => infer('chat/completions', body as object),
      },
      {
        method: 'POST',
        path: '/api/lines',
        scope: 'any',
        body: {},
        handler: ({ id, stream, lamina, body }) => stream(lamina.chat(body as ChatRequest, { id }), { as: 'ndjson' }),
      },
      { method: 'POST', path: '/api/escape', scope: 'any', body: {}, handler: ({ infer }) => infer('../secret', {}) },
      { method: 'GET', path: '/stream/sse', scope: 'any', handler: ({ stream }) => stream(parts(), { as: 'sse' }) },
      {
        method: 'GET',
        path: '/stream/lines',
        scope: 'any',
        handler: ({ stream }) => stream(parts(), { as: 'ndjson' }),
      },
      {
        method: 'GET',
        path: '/stream/failing/:after',
        scope: 'any',
        handler: ({ stream, params }) => stream(failing(Number(params['after'])), { as: 'ndjson' }),
      },
      {
        method: 'GET',
        path: '/stream/own-error',
        scope: 'any',
        handler: ({ stream }) =>
          stream(failing(1), { as: 'sse', onError: ({ code }) => `event: error\ndata: ${code}\n\n` }),
      },
      {
        method: 'GET',
        path: '/stream/own-end',
        scope: 'any',
        handler: ({ stream }) =>
          stream(failing(1), { as: 'sse', onError: ({ code }) => ({ failed: code }), endAfterError: true }),
      },
      {
        method: 'GET',
        path: '/stream/silent/:end',
        scope: 'any',
        handler: ({ stream, params }) =>
          stream(silent(params['end']!), { as: 'sse', onSilence: () => silence(params['end']!) }),
      },
      {
        method: 'GET',
        path: '/stream/endless/:bytes',
        scope: 'any',
        handler: ({ stream, params, signal }) =>
          stream(endless('x'.repeat(Number(params['bytes'])), signal), { as: 'ndjson' }),
      },
      {
        method: 'GET',
        path: '/stream/large',
        scope: 'any',
        handler: ({ stream }) => stream(large(), { as: 'ndjson' }),
      },
      {
        method: 'GET',
        path: '/broken',
        scope: 'any',
        handler() {
          throw new TypeError('a secret of the plugin');
        },
      },
    ],
    errorBody: ({ message, code }, { koa }) => ({ error: `${message} (${code})`, method: koa.method }),
  };

  async function handOn({ koa, next }: HttpContext): Promise<unknown> {
    if (koa.query['pass'] === undefined) return { mine: true };
    await next();
    return undefined;
  }

  async function length(request: IncomingMessage): Promise<number> {
    let bytes = 0;
    for await (const piece of request) bytes += (piece as Buffer).length;
    return bytes;
  }

  const hooked: Plugin = {
    name: 'hooked',
    setup: (lamina) => lamina.hooks.beforeRequest.tap((request) => void requests.push(request)),
  };
  const witness: HttpExtension = {
    async middleware(ctx, next) {
      const subject = `${callerOf(ctx).name ?? 'nobody'} ${ctx.path}`;
      await next().catch((error: unknown) => {
        seen.push(`${subject} ${(error as { code: string }).code}`);
        throw error;
      });
      seen.push(`${subject} ${ctx.status}`);
    },
  };

  before(async () => {
    testServer = await startTestServer({
      models: { tiny: { chunks: 3, refuse_user: true } },
      plugins: [extension('notes', notes), extension('witness', witness), hooked],
      lamina: { log },
      server: {
        heartbeatInterval: 0.02,
        apiKeys: [
          { key: 'm', name: 'boss' },
          { key: 'i', name: 'phone', scope: 'inference' },
        ],
      },
    });
    ({ url } = testServer);
  });
  after(() => testServer.close());
  beforeEach(() => {
    seen = [];
    ended = [];
  });

  const ask = (method: string, path: string, body?: unknown, key = 'm', init: RequestInit = {}) =>
    fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...init,
    });
  const get = (path: string, key?: string) => ask('GET', path, undefined, key);

  it('get parameters, query and caller, and return JSON, which is sent as it is', async () => {
    const answer = await get('/notes/a%2Fb?q=1', 'i');
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.deepEqual(await answer.json(), { id: 'a/b', key: 'phone', q: '1', path: '/usr/bin/x' });
    assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f-]{36}$/);
  });

  it('get a body that fits their schema; any other is refused in the shape of the plugin', async () => {
    const saved = await ask('POST', '/notes', { text: 'hi' });
    assert.deepEqual([saved.status, await saved.json()], [201, { saved: 'hi' }]);
    for (const [body, message] of [
      [{ text: 1 }, /"text" must be string/],
      ['', /lacks "text"/],
      ['[', /not JSON/],
      [[], /must be object/],
    ] as const) {
      const answer = await ask('POST', '/notes', body);
      assert.equal(answer.status, 400);
      const { error, method } = (await answer.json()) as { error: string; method: string };
      assert.match(error, message);
      assert.match(error, /REQUEST_INVALID/);
      assert.equal(method, 'POST');
    }
    const large = await ask('POST', '/notes', { text: 'x'.repeat(1024 * 1024) });
    assert.deepEqual([large.status, typeof ((await large.json()) as { error: unknown }).error], [413, 'string']);
  });

  it('read the request themselves where they have no schema', async () => {
    assert.deepEqual(await (await ask('PUT', '/raw', 'x'.repeat(70_000))).json(), [null, 70_000]);
  });

  it('respond 204 when they return nothing, and text as plain text', async () => {
    assert.equal((await ask('DELETE', '/notes/1')).status, 204);
    const page = await fetch(`${url}/page`);
    assert.equal(page.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.equal(await page.text(), '<b>text</b>');
  });

  it('come before those of Lamina, also before the fast ones, and hand on to them', async () => {
    assert.deepEqual(await (await ask('POST', '/v1/messages', chat('tiny'))).json(), { mine: true });
    const passed = await ask('POST', '/v1/messages?pass', chat('tiny'));
    assert.equal(((await passed.json()) as { type: string }).type, 'message');
    const refused = await ask('POST', '/v1/messages?pass', chat('nobody'));
    const { error } = (await refused.json()) as { error: { code: string } };
    assert.deepEqual([refused.status, error.code], [404, 'MODEL_NOT_FOUND'], "in Lamina's own shape");
    assert.equal((await errorOf(await ask('POST', '/nowhere'))).code, 'ROUTE_NOT_FOUND');
    const replaced = lines.filter(({ event }) => event === 'routes.replaced');
    assert.deepEqual(
      replaced.map(({ plugin, routes }) => [plugin, routes]),
      [['notes', ['POST /v1/messages']]],
    );
  });

  it('send requests to engines with the caller and through hooks, streamed or not', async () => {
    const whole = (await (await ask('POST', '/api/chat', chat('tiny'), 'i')).json()) as { choices: object[] };
    assert.equal(whole.choices.length, 1);
    const stream = await ask('POST', '/api/chat', chat('tiny', 'hi', { stream: true }), 'i');
    assert.equal(stream.headers.get('x-accel-buffering'), 'no');
    assert.match(await stream.text(), /\[DONE\]/);
    for (const [request, status, code] of [
      [chat('nobody'), 404, 'MODEL_NOT_FOUND'],
      [{ model: 'tiny' }, 400, 'REQUEST_INVALID'],
      [chat('tiny', 'hi', { user: 'x' }), 400, 'not allowed'],
    ] as const) {
      const answer = await ask('POST', '/api/chat', request, 'i');
      const text = await answer.text();
      assert.deepEqual(
        [answer.status, typeof (JSON.parse(text) as { error: unknown }).error],
        [status, 'string'],
        text,
      );
      assert.ok(text.includes(code), text);
    }
    assert.equal((await ask('POST', '/api/escape', {})).status, 400);
  });

  it('chat in process with the caller, until the client leaves', async () => {
    const headers = { authorization: 'Bearer i', 'x-team': 'blue' };
    const answer = await ask('POST', '/api/lines', chat('tiny'), 'i', { headers });
    const text = await answer.text();
    const chunks = text.trim().split('\n');
    assert.ok(chunks.length >= 3 && chunks.every((line) => line.startsWith('{')), text);
    const { id, caller, headers: passed } = requests.at(-1)!;
    assert.deepEqual([caller.name, caller.via, passed['x-team']], ['phone', 'http', 'blue']);
    assert.equal(id, answer.headers.get('x-request-id'));
    assert.equal((await ask('POST', '/api/lines', chat('nobody'), 'i')).status, 404);
    const client = new AbortController();
    const init = { signal: client.signal };
    const { body } = await ask('POST', '/api/lines', chat('tiny', '/count'), 'i', init);
    await body!.getReader().read();
    client.abort();
    await until('the engine is free', () => testServer.lamina.runtime.slot('tiny').busy === 0);
  });

  describe('that stream', () => {
    it('write objects as events or lines, and strings as they are', async () => {
      const events = await get('/stream/sse');
      assert.deepEqual(
        ['content-type', 'cache-control', 'x-accel-buffering'].map((name) => events.headers.get(name)),
        ['text/event-stream; charset=utf-8', 'no-cache', 'no'],
      );
      assert.equal(await events.text(), 'data: {"a":1}\n\n: a comment\n\ndata: {"b":"two\\nlines"}\n\n');
      const lines = await get('/stream/lines');
      assert.equal(lines.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
      assert.equal(await lines.text(), '{"a":1}\n: a comment\n\n{"b":"two\\nlines"}\n');
      const head = await ask('HEAD', '/stream/sse');
      assert.deepEqual([head.status, await head.text()], [200, '']);
    });

    it('tell a client that waits that they go on, and then what there is to tell', async () => {
      for (const [path, expected] of [
        ['answers', /^(: waiting\n\n){2,}data: {"end":"answers"}\n\n$/],
        ['fails', /^(: waiting\n\n){2,}data: {"error":"Internal error.*\n\n$/],
      ] as const) {
        silences = 0;
        const response = await ask('GET', `/stream/silent/${path}`, undefined, 'm');
        const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
        let text = '';
        const read = async () => {
          const { done, value = '' } = await reader.read();
          text += value;
          return !done;
        };
        while (await read().catch(() => false));
        assert.match(text, expected);
      }
      assert.equal((await ask('GET', '/stream/silent/throws')).status, 500);
    });

    it('respond with an ordinary error when they fail before the first part', async () => {
      const answer = await get('/stream/failing/0');
      assert.equal(answer.status, 500);
      const text = await answer.text();
      assert.match(text, /"error":"Internal error.*\(INTERNAL\)"/);
      assert.equal(text.includes('secret'), false);
    });

    it('end with the error as their last part, and a broken connection, when they fail later', async () => {
      const sent = async (path: string) => {
        const { body } = await get(path);
        let text = '';
        await assert.rejects(async () => {
          for await (const piece of body!.pipeThrough(new TextDecoderStream())) text += piece;
        });
        return text;
      };
      const [first, second, last, ...others] = (await sent('/stream/failing/2')).split('\n');
      assert.deepEqual([first, second, others], ['{"part":0}', '{"part":1}', ['']]);
      assert.match(last!, /^{"error":"Internal error.*","method":"GET"}$/);
      assert.match(await sent('/stream/own-error'), /^data: {"part":0}\n\nevent: error\ndata: INTERNAL\n\n$/);
      const failed = lines.filter(({ plugin, path }) => plugin === 'notes' && String(path).startsWith('/stream'));
      assert.equal(failed.length >= 2, true, 'the log names the plugin');
    });

    it('can end as complete ones after the part that says what failed', async () => {
      lines.splice(0);
      assert.equal(
        await (await ask('GET', '/stream/own-end', undefined, 'm')).text(),
        'data: {"part":0}\n\ndata: {"failed":"INTERNAL"}\n\n',
      );
      await until('the log names the plugin', () =>
        lines.some(({ plugin, path }) => plugin === 'notes' && path === '/stream/own-end'),
      );
    });

    it('leave their iterable, and abort its signal, when the client leaves', async () => {
      const client = new AbortController();
      const { body } = await ask('GET', '/stream/endless/10', undefined, 'm', { signal: client.signal });
      await body!.getReader().read();
      client.abort();
      await until('the iterable has ended', () => ended.length === 2);
      assert.deepEqual(ended.sort(), ['aborted', 'left']);
    });

    it('wait for a client that does not read', async () => {
      yielded = 0;
      const request = httpRequest(`${url}/stream/large`, { headers: { authorization: 'Bearer m' } }).end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.pause();
      let last = 0;
      let turns = 0;
      await until('no part has been asked for in 1,000 turns of the event loop', () => {
        turns = yielded === last ? turns + 1 : 0;
        last = yielded;
        return turns === 1000;
      });
      assert.ok(yielded > 0);
      response.destroy();
      await until('the iterable has ended', () => ended.includes('left'));
    });
  });

  it('that throw respond with an internal error, which the log shows with the plugin', async () => {
    const answer = await get('/broken');
    assert.equal(answer.status, 500);
    assert.deepEqual(await answer.json(), {
      error: 'Internal error. See the log of the server. (INTERNAL)',
      method: 'GET',
    });
    const line = lines.find((one) => 'err' in one && one['path'] === '/broken');
    assert.equal(line?.['plugin'], 'notes');
  });

  it('are known to 404, 405, OPTIONS and HEAD', async () => {
    assert.match((await errorOf(await get('/pgae'))).message, /Did you mean "\/page"\?/);
    const wrong = await ask('POST', '/page');
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET, HEAD']);
    const options = await ask('OPTIONS', '/notes/1');
    assert.deepEqual([options.status, options.headers.get('allow')], [204, 'DELETE, GET, HEAD']);
    assert.equal((await ask('HEAD', '/notes/1')).status, 200);
  });

  it('and those of Lamina run inside the middleware of plugins, once the key is checked', async () => {
    assert.equal((await get('/notes/1', 'i')).status, 200);
    await (await ask('POST', '/v1/chat/completions', chat('tiny'), 'i')).text();
    await (await ask('POST', '/v1/messages?pass', chat('tiny'), 'i')).text();
    assert.equal((await get('/downloads/none', 'm')).status, 404);
    assert.equal((await ask('POST', '/notes', { text: 'hi' }, 'i')).status, 403);
    assert.equal((await get('/notes/1', 'wrong')).status, 401);
    assert.equal((await ask('POST', '/models/tiny/start', undefined, 'i')).status, 403);
    assert.equal((await ask('POST', '/v1/embeddings', chat('tiny'), 'wrong')).status, 401);
    assert.equal((await get('/no/such/route')).status, 404);
    assert.deepEqual(seen, [
      'phone /notes/1 200',
      'phone /v1/chat/completions 200',
      'phone /v1/messages 200',
      'boss /downloads/none DOWNLOAD_NOT_FOUND',
    ]);
  });

  it('are part of laminaRouter, under its prefix', async () => {
    const app = new Koa();
    app.use(
      laminaRouter(testServer.lamina, { apiKeys: [{ key: 'k' }] })
        .prefix('/ai')
        .routes(),
    );
    const handle = app.callback();
    const http = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
    await once(http, 'listening');
    const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const headers = { authorization: 'Bearer k' };
    const ai = async (path: string, init: RequestInit = {}) => fetch(base + path, { headers, ...init });
    assert.equal(((await (await ai('/ai/notes/1')).json()) as { id: string }).id, '1');
    assert.equal((await fetch(`${base}/ai/notes/1`)).status, 401);
    assert.equal((await ai('/notes/1')).status, 404);
    const body = JSON.stringify(chat('tiny'));
    assert.deepEqual(await (await ai('/ai/v1/messages', { method: 'POST', body })).json(), { mine: true });
    const passed = await ai('/ai/v1/messages?pass', { method: 'POST', body });
    assert.equal(((await passed.json()) as { type: string }).type, 'message');
    http.closeAllConnections();
    http.close();
    await once(http, 'close');
  });
});

describe('the page of a plugin', () => {
  const page = (name: string) => extension(name, { page: `/${name}/` });
  const root = { method: 'GET', path: '/', scope: 'public', handler: () => 'for programs' } as const;
  const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

  it('is what browsers get at the address of the server, also when another plugin answers programs there', async () => {
    const server = await startTestServer({ plugins: [extension('root', { routes: [root] }), page('ui')] });
    const get = (headers: Record<string, string>) => fetch(server.url, { headers, redirect: 'manual' });
    const { status, headers } = await get(browser);
    assert.deepEqual([status, headers.get('location'), headers.get('vary')], [302, 'ui/', 'Origin, Accept']);
    assert.equal(await (await get({ accept: '*/*' })).text(), 'for programs');
    await server.close();
  });

  it('is the first of several', async () => {
    const server = await startTestServer({ plugins: [page('one'), page('two')] });
    const { headers } = await fetch(server.url, { headers: browser, redirect: 'manual' });
    assert.equal(headers.get('location'), 'one/');
    await server.close();
  });

  it('is found below the prefix of a router, with and without a slash at the end', async () => {
    const lamina = await createTestLamina({ plugins: [page('ui')] });
    const router = laminaRouter(lamina);
    router.prefix('/ai');
    const http = createServer(new Koa().use(router.routes()).callback()).listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    for (const path of ['/ai', '/ai/']) {
      const { headers } = await fetch(`${url}${path}`, { headers: browser, redirect: 'manual' });
      assert.equal(new URL(headers.get('location')!, `${url}${path}`).pathname, '/ai/ui/', path);
    }
    http.close();
    await lamina.close();
  });
});

describe('an extension of a plugin that is wrong', () => {
  const route = { method: 'GET', path: '/x', scope: 'any', handler: () => ({}) } as const;
  const frame = { schema: { type: 'object' }, scope: 'any', run: () => ({}) } as const;
  const wrong: [what: string, value: unknown, message: RegExp][] = [
    ['null', null, /the value is not an object/],
    ['an unknown key', { route: [] }, /the value has the unknown key "route"; did you mean "routes"\?/],
    ['routes that are no list', { routes: route }, /"routes" is not a list/],
    [
      'a route without a scope',
      { routes: [{ ...route, scope: undefined }] },
      /the scope of the route GET \/x is missing; use "inference", "manage", "any" or "public"/,
    ],
    ['an unknown scope', { routes: [{ ...route, scope: 'admin' }] }, /is "admin"; use/],
    [
      'an unknown method',
      { routes: [{ ...route, method: 'get' }] },
      /the method of the route get \/x is "get"; use "GET"/,
    ],
    [
      'a path without a slash',
      { routes: [{ ...route, path: 'x' }] },
      /the path of the route GET x does not begin with "\/"/,
    ],
    ['a path that is a pattern', { routes: [{ ...route, path: /x/ }] }, /does not begin with "\/"/],
    [
      'a path that the router cannot read',
      { routes: [{ ...route, path: '/x/(' }] },
      /the path of the route GET \/x\/\( is not valid/,
    ],
    [
      'a route without a handler',
      { routes: [{ ...route, handler: undefined }] },
      /the "handler" of the route GET \/x is not a function/,
    ],
    [
      'an unknown key of a route',
      { routes: [{ ...route, scopes: 'any' }] },
      /a route has the unknown key "scopes"; did you mean "scope"\?/,
    ],
    ['a body of a GET', { routes: [{ ...route, body: {} }] }, /the route GET \/x has a body, which a GET has not/],
    [
      'a schema that is none',
      { routes: [{ ...route, method: 'PUT', body: { type: 'strnig' } }] },
      /"body" of the route PUT \/x is not a valid JSON Schema/,
    ],
    ['one route twice', { routes: [route, { ...route, path: '/X/' }] }, /GET \/X\/ is a route of it twice/],
    ['a page that is no path', { page: 'ui/' }, /"page" is not a path that begins with "\/"/],
    ['a function that is none', { errorBody: {} }, /"errorBody" is not a function/],
    ['a middleware that is none', { middleware: [] }, /"middleware" is not a function/],
    [
      'a frame without the name of the plugin',
      { frames: { add: frame } },
      /the frame "add" is not named like "wrong\.add"/,
    ],
    ['a frame of Lamina', { frames: { 'chat.mine': frame } }, /the frame "chat\.mine" is not named like/],
    [
      'a frame without a schema',
      { frames: { 'wrong.add': { ...frame, schema: undefined } } },
      /"schema" of the frame "wrong\.add" is not a JSON Schema/,
    ],
    [
      'a public frame',
      { frames: { 'wrong.add': { ...frame, scope: 'public' } } },
      /the scope of the frame "wrong\.add" is "public"/,
    ],
  ];

  it('stops the start with a sentence that names the plugin', async () => {
    const lamina = await createTestLamina();
    for (const [what, value, message] of wrong) {
      const broken = { ...lamina, extensions: () => [{ plugin: 'wrong', value }] } as unknown as Lamina;
      for (const start of [createLaminaServer, laminaRouter]) {
        assert.throws(() => start(broken), { code: 'PLUGIN_INVALID', message }, what);
        assert.throws(() => start(broken), { message: /^Plugin "wrong" is invalid: in its extension "http", / }, what);
      }
    }
    await lamina.close();
  });

  it('with a route that another plugin has, stops the start with a sentence that names both', async () => {
    const add = (name: string, path: string) => extension(name, { routes: [{ ...route, path }] });
    const lamina = await createTestLamina({ plugins: [add('one', '/a/:id'), add('two', '/A/:name')] });
    assert.throws(() => createLaminaServer(lamina), {
      code: 'PLUGIN_INVALID',
      message: 'Plugin "two" is invalid: in its extension "http", GET /A/:name is a route of the plugin "one" too.',
    });
    await lamina.close();
  });
});
