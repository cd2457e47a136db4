// What passes to an engine and back: bytes, headers, speed, and cancellation.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { watchForLeaks } from '@lamina/testing';
import {
  attached,
  chat,
  errorOf,
  startTestServer,
  until,
  type TestServer,
  type TestServerOptions,
} from './support/test-server.js';
import { openRemote, remotePlugin } from './support/remote.js';

describe('a request through to an engine', () => {
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  const open: { close(): Promise<void> }[] = [];

  afterEach(async () => {
    for (const thing of open.splice(0).reverse()) await thing.close();
  });

  const testServer = async (options: TestServerOptions = {}): Promise<TestServer> => {
    const made = await startTestServer(options);
    open.push(made);
    return made;
  };

  const remote = async (
    answer: Parameters<typeof openRemote>[0],
    more: Parameters<typeof remotePlugin>[1] = {},
  ): Promise<TestServer> => {
    const made = await openRemote(answer);
    open.push(made);
    return testServer({
      models: {},
      entries: { far: { ...attached, aliases: ['other'] } },
      plugins: [
        remotePlugin(
          () => ({ baseUrl: `${made.url}/v1`, headers: { authorization: 'Bearer secret-of-the-engine' } }),
          more,
        ),
      ],
    });
  };

  it('starts the model and returns the answer of its engine unchanged', async () => {
    const body = '{"ok" :  true, "usage":{"total_tokens":3}}\n';
    const { post, lamina } = await remote((_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(body),
    );
    const finished = lamina.events.once('request.finished', { signal: AbortSignal.timeout(5000) });
    const answer = await post('/v1/chat/completions', chat('far'));
    assert.equal(await answer.text(), body);
    const event = await finished;
    assert.deepEqual(
      [event.model, event.route, event.status, event.usage],
      ['far', 'chat/completions', 200, { total_tokens: 3 }],
    );
    assert.equal(answer.headers.get('x-request-id'), event.request);
  });

  it('sends the body unchanged when nothing has to change, and the query with it', async () => {
    let seen: { url: string | undefined; body: string } | undefined;
    const { post } = await remote(
      (request, response) =>
        void text(request).then((body) => ((seen = { url: request.url, body }), response.end('{}'))),
    );
    const body = '{ "messages":[{}] , "model" : "far", "text": "\\u00e9" }';
    await (await post('/v1/chat/completions?a=1&b=%20', body)).text();
    assert.deepEqual(seen, { url: '/v1/chat/completions?a=1&b=%20', body });
  });

  it("has the model's id of the engine", async () => {
    const seen: string[] = [];
    const { post } = await remote(
      (request, response) =>
        void text(request).then(
          (body) => (seen.push((JSON.parse(body) as { model: string }).model), response.end('{}')),
        ),
      { info: { ids: { far: 'vendor/far-2' } } },
    );
    for (const model of ['far', 'other']) await (await post('/v1/chat/completions', chat(model))).text();
    await (await post('/chat/far', chat('ignored'))).text();
    assert.deepEqual(seen, ['vendor/far-2', 'vendor/far-2', 'vendor/far-2']);
  });

  it('streams every event as it arrives', async () => {
    const { post } = await testServer({ models: { tiny: { chunks: 50, chunk_ms: 1 } } });
    const answer = await post(
      '/v1/chat/completions',
      chat('tiny', 'hi', { stream: true, stream_options: { include_usage: true } }),
    );
    assert.equal(answer.headers.get('content-type'), 'text/event-stream');
    const events = (await answer.text()).split('\n\n').filter((line) => line !== '');
    assert.equal(events.at(-1), 'data: [DONE]');
    const deltas = events
      .slice(0, -1)
      .map((line) => JSON.parse(line.slice(6)) as { choices: { delta: { content?: string } }[] });
    assert.equal(
      deltas.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
      `tiny: ${Array.from({ length: 49 }, (_, index) => index + 1).join(' ')}`,
    );
  });

  it('sends the headers of a stream before its first event', async () => {
    let go!: () => void;
    const { post } = await remote((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }).flushHeaders();
      go = () => response.end('data: [DONE]\n\n');
    });
    const answer = await post('/v1/chat/completions', chat('far', 'hi', { stream: true }));
    assert.equal(answer.headers.get('x-accel-buffering'), 'no');
    go();
    assert.equal(await answer.text(), 'data: [DONE]\n\n');
  });

  it('passes neither keys and cookies to engines, nor identifying headers of engines to clients', async () => {
    let seen: IncomingMessage['headers'] = {};
    const { post } = await remote((request, response) => {
      seen = request.headers;
      response
        .writeHead(200, {
          'content-type': 'application/json',
          server: 'engine/1',
          'access-control-allow-origin': '*',
          'set-cookie': 'a=b',
          connection: 'x-secret',
          'x-secret': '1',
          'x-engine-fact': 'kept',
          'x-request-id': 'of-the-engine',
          'cache-control': 'no-cache',
        })
        .end('{}');
    });
    const headers = {
      authorization: 'Bearer of-the-client',
      'x-api-key': 'of-the-client',
      cookie: 'session=of-the-client',
      'x-custom': 'kept',
      'accept-encoding': 'gzip',
      te: 'trailers',
      'content-type': 'text/plain',
      'user-agent': 'test',
    };
    const answer = await post('/v1/chat/completions', chat('far'), { headers });
    assert.equal(JSON.stringify(seen).includes('of-the-client'), false);
    assert.equal(seen.authorization, 'Bearer secret-of-the-engine');
    assert.equal(seen['x-custom'], 'kept');
    assert.equal(seen['user-agent'], 'test');
    assert.equal(seen['content-type'], 'application/json');
    for (const name of ['accept-encoding', 'te', 'cookie', 'x-api-key', 'origin'])
      assert.equal(seen[name], undefined, name);
    for (const name of ['server', 'access-control-allow-origin', 'set-cookie', 'x-secret'])
      assert.equal(answer.headers.get(name), null, name);
    assert.equal(answer.headers.get('x-engine-fact'), 'kept');
    assert.equal(answer.headers.get('cache-control'), 'no-cache');
    assert.notEqual(answer.headers.get('x-request-id'), 'of-the-engine');
  });

  it('passes on other routes under /v1, by the model in the body or the query', async () => {
    const { url, post } = await remote((request, response) => response.end(`${request.method} ${request.url}`));
    assert.equal(await (await post('/v1/score', { model: 'far' })).text(), 'POST /v1/score');
    assert.equal(await (await post('/v1/slots/erase', { model: 'far' })).text(), 'POST /v1/slots/erase');
    assert.equal(
      await (await fetch(`${url}/v1/responses/resp_1?model=far`)).text(),
      'GET /v1/responses/resp_1?model=far',
    );
    assert.equal(
      await (await fetch(`${url}/v1/responses/resp_1?model=far`, { method: 'DELETE' })).text(),
      'DELETE /v1/responses/resp_1?model=far',
    );
    assert.equal((await fetch(`${url}/v1/responses/resp_1?model=far`, { method: 'HEAD' })).status, 200);
    assert.equal((await fetch(`${url}/v1/responses/resp_1`)).status, 404);
  });

  it('finds the model in a form, and renames it there', async () => {
    const seen: { model: unknown; size: number }[] = [];
    const { post } = await remote(
      (request, response) =>
        void (async () => {
          const form = await new Response(request as unknown as ReadableStream, {
            headers: { 'content-type': request.headers['content-type']! },
          }).formData();
          seen.push({ model: form.get('model'), size: (form.get('file') as File).size });
          response.end('{"text":"hello"}');
        })(),
      { info: { ids: { far: 'whisper-1' } } },
    );
    const form = new FormData();
    form.set('file', new Blob([Buffer.alloc(100_000, 7)]), 'speech.wav');
    assert.equal((await errorOf(await post('/v1/audio/transcriptions', '', { body: form }))).param, 'model');
    form.set('model', 'far');
    const answer = await post('/v1/audio/transcriptions', '', { body: form });
    assert.deepEqual(await answer.json(), { text: 'hello' });
    assert.deepEqual(seen, [{ model: 'whisper-1', size: 100_000 }]);
  });

  it("converts an engine's refusal into Lamina's error shape, with its status", async () => {
    const said: Record<string, [number, string]> = {
      llama: [400, '{"error":{"code":400,"message":"too long","type":"exceed_context_size_error","n_ctx":1024}}'],
      text: [500, 'Internal Server Error'],
      elsewhere: [302, ''],
    };
    const { post } = await remote((request, response) => {
      const [status, body] = said[request.headers['x-case'] as string]!;
      response
        .writeHead(status, { 'content-type': 'application/json', location: 'http://127.0.0.1:1/secret' })
        .end(body);
    });
    const ask = (name: string, path = '/v1/chat/completions') =>
      post(path, chat('far'), { headers: { 'x-case': name }, redirect: 'manual' });
    const llama = await ask('llama');
    assert.equal(llama.status, 400);
    assert.ok(llama.headers.get('x-request-id'));
    assert.deepEqual(await errorOf(llama), {
      message: 'too long',
      type: 'invalid_request_error',
      code: 'exceed_context_size_error',
      details: { n_ctx: 1024 },
    });
    assert.equal((await errorOf(await ask('text'))).message, 'Internal Server Error');
    const moved = await ask('elsewhere');
    assert.equal(moved.status, 502);
    assert.equal(moved.headers.get('location'), null);
    assert.equal(((await (await ask('llama', '/v1/messages')).json()) as { type: string }).type, 'error');
  });

  it('lets a backend read its own errors', async () => {
    const adapt = {
      error: (status: number) =>
        status === 418 ? { message: 'Short and stout.', type: 'server_error', code: 'teapot' } : undefined,
    };
    const { post } = await remote((_, response) => response.writeHead(418).end('{"error":"?"}'), { adapt });
    assert.deepEqual(await errorOf(await post('/v1/chat/completions', chat('far'))), {
      message: 'Short and stout.',
      type: 'server_error',
      code: 'teapot',
    });
  });

  it('reaches an engine on a Unix socket', async () => {
    const made = await startTestServer();
    open.push(made);
    const socketPath = join(made.modelsDir, 'engine.sock');
    const far = await openRemote((request, response) => response.end(`at ${request.url}`), socketPath);
    open.push(far);
    const { post } = await testServer({
      models: {},
      entries: { far: attached },
      plugins: [remotePlugin(() => ({ baseUrl: 'http://localhost/deep/v1', socketPath }))],
    });
    assert.equal(await (await post('/v1/chat/completions', chat('far'))).text(), 'at /deep/v1/chat/completions');
  });

  it('ends the work of the engine when the client leaves a stream', async () => {
    const { url, lamina, engine } = await testServer({ models: { tiny: { chunk_ms: 1 } } });
    const leave = new AbortController();
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(chat('tiny', '/count', { stream: true })),
      signal: leave.signal,
    });
    await answer.body!.getReader().read();
    const finished = lamina.events.once('request.finished', { signal: AbortSignal.timeout(5000) });
    leave.abort();
    assert.equal((await finished).status, 499);
    await until(
      'the engine noticed',
      async () => (await engine('tiny')).aborted === 1 && (await engine('tiny')).busy === 0,
    );
    assert.equal(lamina.runtime.slot('tiny').busy, 0);
  });

  it('ends the work of the engine when the client leaves before the first byte', async () => {
    const { url, lamina, engine } = await testServer({ models: { tiny: { chunk_ms: 60_000 } } });
    await lamina.runtime.start('tiny');
    const leave = new AbortController();
    const answer = fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(chat('tiny')),
      signal: leave.signal,
    });
    await until('the engine works', async () => (await engine('tiny')).busy === 1);
    leave.abort();
    await assert.rejects(answer);
    await until('the engine stopped', async () => (await engine('tiny')).busy === 0);
    assert.equal(lamina.runtime.slot('tiny').busy, 0);
  });

  it('leaves the queue when the client disconnects', async () => {
    const { url, lamina } = await testServer({ models: { tiny: { chunk_ms: 1, parallel: 1 } } });
    const first = new AbortController();
    const busy = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(chat('tiny', '/count', { stream: true })),
      signal: first.signal,
    });
    const second = new AbortController();
    const waiting = fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(chat('tiny')),
      signal: second.signal,
    });
    await until('it waits', () => lamina.runtime.slot('tiny').waiting === 1);
    second.abort();
    await assert.rejects(waiting);
    await until('it waits no more', () => lamina.runtime.slot('tiny').waiting === 0);
    first.abort();
    await assert.rejects(busy.text());
  });

  it('slows the engine down to the speed of a slow reader, with little memory', async () => {
    let sent = 0;
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const { url } = await remote((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const more = (): void => {
        if (sent++ === 256) response.end();
        else if (response.write(chunk)) setImmediate(more);
        else response.once('drain', more);
      };
      more();
    });
    const body = JSON.stringify(chat('far', 'hi', { stream: true }));
    const { hostname, port } = new URL(url);
    const client = httpRequest({
      hostname,
      port,
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-length': body.length },
    });
    client.end(body);
    const [answer] = (await once(client, 'response')) as [IncomingMessage];
    answer.pause();
    await until('the engine stopped sending', async () => {
      const before = sent;
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
      return sent > 0 && sent === before;
    });
    assert.ok(sent < 200, `the engine could send ${sent} of 256 pieces to nobody`);
    let received = 0;
    for await (const piece of answer) received += (piece as Buffer).length;
    assert.equal(received, 256 * chunk.length);
  });

  it('does not wait for an engine that has an answer before it has read everything', async () => {
    const { post } = await remote((_, response) =>
      response.writeHead(400, { connection: 'close' }).end('{"error":"no"}'),
    );
    const answer = await post('/v1/chat/completions', chat('far', 'x'.repeat(4 * 1024 * 1024)));
    assert.ok([400, 502].includes(answer.status));
  });

  it('reuses connections to an engine, and forgets engines that have ended', async () => {
    let connections = 0;
    const upstream = createServer((request, response) => void request.resume().on('end', () => response.end('{}')));
    upstream.on('connection', () => connections++).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const { port } = upstream.address() as { port: number };
    const { post } = await testServer({
      models: {},
      entries: { far: attached },
      plugins: [remotePlugin(() => ({ baseUrl: `http://127.0.0.1:${port}/v1` }))],
    });
    for (let turn = 0; turn < 5; turn++) await (await post('/v1/chat/completions', chat('far'))).text();
    assert.ok(connections <= 2, `${connections} connections`);
    upstream.closeAllConnections();
    upstream.close();
    await once(upstream, 'close');
    const answer = await post('/v1/chat/completions', chat('far'));
    assert.equal(answer.status, 502);
    assert.equal((await errorOf(answer)).code, 'MODEL_SERVER_UNREACHABLE');
    assert.ok(answer.headers.get('retry-after'));
  });

  it('keeps the connection of its client for more requests', async () => {
    const { url } = await testServer();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    open.push({ close: () => Promise.resolve(void socket.destroy()) });
    const body = JSON.stringify(chat('tiny'));
    let received = '';
    socket.setEncoding('utf8').on('data', (piece: string) => (received += piece));
    for (const turn of [1, 2]) {
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      await until(`answer ${turn}`, () => received.split('chat.completion').length === turn + 1);
    }
    assert.equal(received.match(/HTTP\/1\.1 200 /g)?.length, 2);
  });
});
