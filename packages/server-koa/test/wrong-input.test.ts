// Wrong input and its errors. None of it starts a model.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';
import { dial, parse, raw, readAll } from './support/raw.js';

describe('wrong input', () => {
  let testServer: TestServer;

  before(async () => {
    testServer = await startTestServer({
      models: { 'llama-3b': {}, 'llama-8b': {}, qwen: {} },
      entries: {
        absent: { path: 'absent.fake', backend: 'fake', download: { huggingface: { repo_id: 'someone/absent' } } },
      },
      server: { bodyLimit: 4096 },
    });
  });

  after(() => testServer.close());

  afterEach(() => {
    assert.deepEqual(
      testServer.lamina.runtime.slots().filter(({ state }) => state !== 'failed'),
      [],
      'something was started',
    );
  });

  const refused = async (answer: Response, status: number, code: string) => {
    assert.equal(answer.status, status);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    const error = await errorOf(answer);
    assert.equal(error.code, code);
    assert.equal(typeof error.type, 'string');
    return error;
  };

  it('no body', async () => {
    for (const path of ['/v1/chat/completions', '/chat/qwen']) {
      const { message } = await refused(await fetch(testServer.url + path, { method: 'POST' }), 400, 'REQUEST_INVALID');
      assert.match(message, /no body/);
    }
  });

  it('a body that is not JSON, or not an object', async () => {
    const { message } = await refused(
      await testServer.post('/v1/chat/completions', '{"model": '),
      400,
      'REQUEST_INVALID',
    );
    assert.match(message, /not JSON/);
    for (const body of ['[]', '"qwen"', '1', 'null'])
      await refused(await testServer.post('/v1/chat/completions', body), 400, 'REQUEST_INVALID');
  });

  it('no model, or a model that is not a string', async () => {
    for (const model of [undefined, null, '', 7]) {
      const { param } = await refused(
        await testServer.post('/v1/chat/completions', { model, messages: [] }),
        400,
        'REQUEST_INVALID',
      );
      assert.equal(param, 'model');
    }
  });

  const required: [string, string][] = [
    ['chat/completions', 'messages'],
    ['completions', 'prompt'],
    ['embeddings', 'input'],
    ['responses', 'input'],
    ['messages', 'messages'],
    ['messages/count_tokens', 'messages'],
    ['rerank', 'query'],
  ];
  for (const [route, field] of required) {
    it(`no "${field}" for /v1/${route}`, async () => {
      const { param, message } = await refused(
        await testServer.post(`/v1/${route}`, { model: 'qwen' }),
        400,
        'REQUEST_INVALID',
      );
      assert.equal(param, field);
      assert.match(message, new RegExp(`"${field}"`));
    });
  }

  it('a rerank without documents, messages that are not a list', async () => {
    assert.equal(
      (await refused(await testServer.post('/v1/rerank', { model: 'qwen', query: 'x' }), 400, 'REQUEST_INVALID')).param,
      'documents',
    );
    assert.equal(
      (
        await refused(
          await testServer.post('/v1/chat/completions', { model: 'qwen', messages: 'hi' }),
          400,
          'REQUEST_INVALID',
        )
      ).param,
      'messages',
    );
    assert.equal((await refused(await testServer.post('/chat/qwen', {}), 400, 'REQUEST_INVALID')).param, 'messages');
  });

  it('an empty list of messages, in every way to chat', async () => {
    for (const path of ['/v1/chat/completions', '/chat/qwen', '/v1/messages', '/v1/messages/count_tokens']) {
      const answer = await testServer.post(path, { model: 'qwen', messages: [] });
      const { message, param } = await refused(answer, 400, 'REQUEST_INVALID');
      assert.deepEqual([message, param], ['The field "messages" is empty. Send at least one message.', 'messages']);
    }
  });

  it('an unknown model: the known names, nearest first', async () => {
    for (const answer of [
      await testServer.post('/v1/chat/completions', chat('lama-8b')),
      await testServer.post('/chat/lama-8b', chat('ignored')),
      await fetch(`${testServer.url}/models/lama-8b`),
      await testServer.post('/models/lama-8b/start', ''),
    ]) {
      const { message } = await refused(answer, 404, 'MODEL_NOT_FOUND');
      assert.match(message, /"lama-8b".*"llama-8b".*"llama-3b".*"qwen"/);
      assert.equal(answer.headers.get('x-should-retry'), 'false');
    }
  });

  it('a model without its files: how to download them', async () => {
    const answer = await testServer.post('/v1/chat/completions', chat('absent'));
    const { message } = await refused(answer, 503, 'MODEL_FILES_MISSING');
    assert.match(message, /absent/);
    assert.match(message, /download|pull/i);
    assert.equal(answer.headers.get('x-should-retry'), 'false');
    assert.equal(answer.headers.get('retry-after'), null);
  });

  it('a body over the limit, refused without reading it', async () => {
    const socket = dial(testServer.url);
    const answer = readAll(socket);
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{');
    const { status, headers, body } = parse(await answer);
    assert.equal(status, 413);
    assert.equal(headers['connection'], 'close');
    const { error } = JSON.parse(body) as { error: { code: string; details: { limit_bytes: number } } };
    assert.equal(error.code, 'BODY_TOO_LARGE');
    assert.equal(error.details.limit_bytes, 4096);
  });

  it('a body over the limit from a client that sends it all before it reads', async () => {
    const { details } = await refused(
      await testServer.post('/v1/chat/completions', chat('qwen', 'x'.repeat(8 * 1024 * 1024))),
      413,
      'BODY_TOO_LARGE',
    );
    assert.equal(details?.['limit_bytes'], 4096);
  });

  it('a body over the limit without a declared length', async () => {
    const pieces = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let index = 0; index < 5; index++) controller.enqueue(Buffer.alloc(1024, ' '));
        controller.close();
      },
    });
    const init = { method: 'POST', body: pieces, duplex: 'half' } as RequestInit;
    await refused(await fetch(`${testServer.url}/v1/chat/completions`, init), 413, 'BODY_TOO_LARGE');
  });

  it('a body over the limit from a client that waits for 100 Continue', async () => {
    const head = (bytes: number) =>
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${bytes}\r\n\r\n`;
    const tooMuch = dial(testServer.url);
    tooMuch.write(head(5000));
    const [first] = (await once(tooMuch, 'data')) as [Buffer];
    assert.match(first.toString(), /^HTTP\/1.1 413 /);
    tooMuch.destroy();
    const fine = dial(testServer.url);
    fine.write(head(2));
    const [go] = (await once(fine, 'data')) as [Buffer];
    assert.match(go.toString(), /^HTTP\/1.1 100 /);
    const rest = readAll(fine);
    fine.write('{}');
    assert.match(await rest, /HTTP\/1.1 400 /);
  });

  it('an unknown route: the nearest route', async () => {
    const { message } = await refused(await fetch(`${testServer.url}/v1/modls`), 404, 'ROUTE_NOT_FOUND');
    assert.match(message, /"\/v1\/models"/);
    assert.match(
      (await refused(await fetch(`${testServer.url}/healht`), 404, 'ROUTE_NOT_FOUND')).message,
      /"\/health"/,
    );
    assert.match(
      (await refused(await testServer.post('/v1/chat/completion', {}), 404, 'ROUTE_NOT_FOUND')).message,
      /"\/v1\/chat\/completions"/,
    );
  });

  it('a path that tries to leave /v1 of an engine', async () => {
    for (const path of [
      '/v1/../slots',
      '/v1/%2e%2e/slots',
      '/v1/a/../../slots',
      '/v1/..%2fslots',
      '/v1/a%3fb',
      '/v1//slots',
    ]) {
      const body = JSON.stringify(chat('qwen'));
      const { status } = await raw(
        testServer.url,
        `POST ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      assert.equal(status, 404, path);
    }
  });

  const methods: [string, string, string][] = [
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/embeddings', 'POST'],
    ['PUT', '/v1/chat/completions', 'POST'],
    ['POST', '/v1/models', 'GET, HEAD'],
    ['DELETE', '/health', 'GET, HEAD'],
    ['PUT', '/backends', 'GET, HEAD'],
  ];
  for (const [method, path, allowed] of methods) {
    it(`${method} on ${path}: 405 with the allowed methods`, async () => {
      const answer = await fetch(testServer.url + path, { method });
      await refused(answer, 405, 'METHOD_NOT_ALLOWED');
      assert.equal(answer.headers.get('allow'), allowed);
    });
  }

  it('OPTIONS returns the allowed methods of a path', async () => {
    const answer = await fetch(`${testServer.url}/health`, { method: 'OPTIONS' });
    assert.equal(answer.status, 204);
    assert.equal(answer.headers.get('allow'), 'GET, HEAD');
  });

  it('a name that is not properly encoded', async () => {
    await refused(await fetch(`${testServer.url}/models/%E0%A4%A`), 404, 'MODEL_NOT_FOUND');
  });

  it("errors of /v1/messages have the form that Anthropic's clients expect", async () => {
    const answer = await testServer.post('/v1/messages', chat('nobody'));
    assert.equal(answer.status, 404);
    const body = (await answer.json()) as { type: string; error: { type: string } };
    assert.equal(body.type, 'error');
    assert.equal(body.error.type, 'not_found_error');
  });

  it('bytes that are not HTTP', async () => {
    const { status, body } = await raw(testServer.url, 'GARBAGE\r\n\r\n');
    assert.equal(status, 400);
    assert.equal((JSON.parse(body) as { error: { code: string } }).error.code, 'REQUEST_INVALID');
    assert.equal(
      (await raw(testServer.url, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).status,
      431,
    );
  });
});

describe('an engine that is not installed', () => {
  it('is reported with how to install it', async () => {
    const manifest = {
      models: { here: { path: 'model.fake', backend: 'broken' } },
      backends: { broken: { type: 'fake', executable: '/nowhere/engine' } },
    };
    const testServer = await startTestServer({ lamina: { manifest } });
    try {
      const answer = await testServer.post('/v1/chat/completions', chat('here'));
      assert.equal(answer.status, 503);
      const { code, message } = await errorOf(answer);
      assert.equal(code, 'BACKEND_UNAVAILABLE');
      assert.match(message, /\/nowhere\/engine/);
    } finally {
      await testServer.close();
    }
  });
});
