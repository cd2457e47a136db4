// An engine that crashes before, during or after its answer: the client is told the truth, and the next request gets a
// fresh engine.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchForLeaks } from '@lamina/testing';
import type { EndpointOptions } from '@lamina/core';
import OpenAI from 'openai';
import { attached, chat, errorOf, startTestServer, until, type TestServer } from './support/test-server.js';
import { openRemote, remotePlugin } from './support/remote.js';
import { readToEnd } from './support/stream.js';

describe('an engine that fails', () => {
  let testServer: TestServer;
  let folder: string;
  let noLeaks: () => Promise<void>;

  before(async () => {
    noLeaks = await watchForLeaks();
    folder = await mkdtemp(join(tmpdir(), 'lamina-faults-'));
  });

  after(async () => {
    await rm(folder, { recursive: true });
    await noLeaks();
  });

  afterEach(() => testServer.close());

  const wholeStream = async (path: string, body: object) => {
    const answer = await testServer.post(path, body);
    return { status: answer.status, ...(await readToEnd(answer)) };
  };

  it('is replaced, once, when it dies before its first header', async () => {
    testServer = await startTestServer({ models: { tiny: { crash: 'before_header', once: join(folder, 'crashed') } } });
    const answer = await testServer.post('/v1/chat/completions', chat('tiny'));
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /tiny: 1 2 3 4/);
  });

  it('is not replaced again and again', async () => {
    testServer = await startTestServer({ models: { tiny: { crash: 'before_header' } } });
    let starts = 0;
    testServer.lamina.events.on('model.ready', () => starts++);
    const answer = await testServer.post('/v1/chat/completions', chat('tiny'));
    assert.equal(answer.status, 502);
    assert.equal((await errorOf(answer)).code, 'MODEL_SERVER_EXITED');
    assert.ok(answer.headers.get('retry-after'));
    assert.equal(starts, 2);
  });

  const dialects: [string, object, RegExp][] = [
    ['/v1/chat/completions', chat('tiny', 'hi', { stream: true }), /\n\ndata: (\{"error":.*\})\n\n$/],
    ['/v1/completions', { model: 'tiny', prompt: 'hi', stream: true }, /\n\ndata: (\{"error":.*\})\n\n$/],
    [
      '/v1/messages',
      chat('tiny', 'hi', { stream: true, max_tokens: 100 }),
      /\n\nevent: error\ndata: (\{"type":"error","error":.*\})\n\n$/,
    ],
    [
      '/v1/responses',
      { model: 'tiny', input: 'hi', stream: true },
      /\n\nevent: error\ndata: (\{"type":"error".*\})\n\n$/,
    ],
  ];
  for (const [path, body, shape] of dialects) {
    it(`ends a stream of ${path} with an error in the form of the route, never cleanly`, async () => {
      testServer = await startTestServer({ models: { tiny: { crash: 'mid_stream', crash_chunks: 3 } } });
      const finished = testServer.lamina.events.once('request.finished', { signal: AbortSignal.timeout(5000) });
      const { text, broken } = await wholeStream(path, body);
      assert.equal(broken, true);
      assert.match(text, /tiny:/);
      const said = JSON.parse(shape.exec(text)?.[1] ?? assert.fail(`no error at the end of ${text}`)) as {
        error: { code: string; message: string };
      };
      assert.equal(said.error.code, 'MODEL_SERVER_EXITED');
      assert.match(said.error.message, /tiny/);
      assert.equal((await finished).status, 502);
    });
  }

  it('closes the connection when it dies in an answer that is not a stream', async () => {
    testServer = await startTestServer({ models: { tiny: { wrong_length: true } } });
    const { broken, status } = await wholeStream('/v1/chat/completions', chat('tiny'));
    assert.deepEqual({ broken, status }, { broken: true, status: 200 });
  });

  it('ends a stream with an error when it drops the connection and keeps running', async () => {
    testServer = await startTestServer({ models: { tiny: { cut_chunks: 2 } } });
    const { text, broken } = await wholeStream('/v1/chat/completions', chat('tiny', 'hi', { stream: true }));
    assert.equal(broken, true);
    assert.match(text, /MODEL_SERVER_UNREACHABLE/);
    assert.equal(testServer.lamina.runtime.slot('tiny').state, 'ready');
  });

  it('completes half an event before the error event', async () => {
    const far = await openRemote((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"half', () => response.destroy());
    });
    testServer = await startTestServer({
      models: {},
      entries: { far: attached },
      plugins: [remotePlugin(() => ({ baseUrl: `${far.url}/v1` }))],
    });
    const { text, broken } = await wholeStream('/v1/chat/completions', chat('far'));
    assert.equal(broken, true);
    assert.match(text, /^data: \{"half\n\ndata: \{"error"/);
    await far.close();
  });

  it('has answered when it dies after its answer; the next request gets a new one', async () => {
    testServer = await startTestServer({ models: { tiny: { crash: 'after_answer' } } });
    for (let turn = 0; turn < 2; turn++) {
      const answer = await testServer.post('/v1/chat/completions', chat('tiny', 'hi', { stream: true }));
      assert.match(await answer.text(), /\[DONE\]\n\n$/);
      await until('it has died', () => testServer.lamina.runtime.slot('tiny').state !== 'ready');
    }
  });

  it('is replaced for the next request after a kill in the middle of a stream', async () => {
    testServer = await startTestServer({ models: { tiny: { chunk_ms: 1 } } });
    const answer = await testServer.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    const reader = answer.body!.getReader();
    await reader.read();
    process.kill(testServer.lamina.runtime.slot('tiny').pid!, 'SIGKILL');
    const { text, broken } = await readToEnd(reader);
    assert.equal(broken, true);
    assert.match(text, /MODEL_SERVER_EXITED/);
    assert.equal((await testServer.post('/v1/chat/completions', chat('tiny'))).status, 200);
  });

  it('ends a stream with an error when its model is stopped', async () => {
    testServer = await startTestServer({ models: { tiny: { chunk_ms: 1 } }, lamina: { limits: { drainTimeout: 0 } } });
    const answer = await testServer.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    const cut = assert.rejects(answer.text());
    await testServer.lamina.runtime.stop('tiny');
    await cut;
  });

  it('is replaced by another replica when one refuses the connection', async () => {
    const far = await openRemote((_, response) => response.end('{"from":"the second"}'));
    const gone = await openRemote(() => undefined);
    await gone.close();
    const endpoint = ({ failed }: EndpointOptions = {}) => ({
      baseUrl: `${failed === undefined ? gone.url : far.url}/v1`,
    });
    testServer = await startTestServer({ models: {}, entries: { far: attached }, plugins: [remotePlugin(endpoint)] });
    const answer = await testServer.post('/v1/chat/completions', chat('far'));
    assert.deepEqual(await answer.json(), { from: 'the second' });
    await far.close();
  });

  it('gets the request again when it drops the connection before it answers', async () => {
    let requests = 0;
    const far = await openRemote((request, response) => {
      if (++requests === 1) request.socket.destroy();
      else response.end('{"request":2}');
    });
    testServer = await startTestServer({
      models: {},
      entries: { far: attached },
      plugins: [remotePlugin(() => ({ baseUrl: `${far.url}/v1` }))],
    });
    assert.deepEqual(await (await testServer.post('/v1/chat/completions', chat('far'))).json(), { request: 2 });
    await far.close();
  });

  it('that cannot start is reported with its own reason', async () => {
    testServer = await startTestServer({
      models: { tiny: { exit_code: 3, stderr: ['error: no room for the weights'] } },
    });
    const answer = await testServer.post('/v1/chat/completions', chat('tiny'));
    assert.equal(answer.status, 502);
    const { code, message } = await errorOf(answer);
    assert.equal(code, 'MODEL_START_FAILED');
    assert.match(message, /no room for the weights/);
    const again = await testServer.post('/v1/chat/completions', chat('tiny'));
    assert.equal((await errorOf(again)).code, 'START_BACKING_OFF');
    assert.equal(again.status, 503);
    assert.ok(Number(again.headers.get('retry-after')) >= 1);
  });

  it("raises the error of a broken stream in OpenAI's own client", async () => {
    testServer = await startTestServer({ models: { tiny: { crash: 'mid_stream' } } });
    const openai = new OpenAI({ baseURL: `${testServer.url}/v1`, apiKey: 'none', maxRetries: 0 });
    const stream = await openai.chat.completions.create({
      model: 'tiny',
      messages: [{ role: 'user', content: 'hi' }],
      stream: true,
    });
    await assert.rejects(
      async () => {
        for await (const _ of stream);
      },
      (error: unknown) => error instanceof OpenAI.APIError && error.code === 'MODEL_SERVER_EXITED',
    );
  });
});
