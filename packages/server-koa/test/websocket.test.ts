// Chats over one WebSocket: frames, many at once, cancelling, errors, limits.
import assert from 'node:assert/strict';
import { watchForLeaks } from '@lamina/testing';
import { definePlugin, LaminaError } from '@lamina/core/plugin';
import { attached, startTestServer, until, type TestServer, type TestServerOptions } from './support/test-server.js';
import { openRemote, remotePlugin, type Remote } from './support/remote.js';
import { TestSocket, type SocketOptions } from './support/socket.js';

describe('a chat over a WebSocket', () => {
  let testServer: TestServer;
  let noLeaks: () => Promise<void>;
  const remotes: Remote[] = [];

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  afterEach(async () => {
    await testServer.close();
    for (const remote of remotes.splice(0)) await remote.close();
  });

  const connect = async (options: TestServerOptions = {}, socket: SocketOptions = {}) => {
    testServer = await startTestServer(options);
    return TestSocket.open(testServer.url, socket);
  };

  /** A testServer whose only model answers with these bytes. */
  const connectTo = async (answer: Parameters<typeof openRemote>[0], more: Parameters<typeof remotePlugin>[1] = {}) => {
    const remote = await openRemote(answer);
    remotes.push(remote);
    return connect({
      models: {},
      entries: { far: attached },
      plugins: [remotePlugin(() => ({ baseUrl: `${remote.url}/v1` }), more)],
    });
  };

  const events =
    (...data: string[]): Parameters<typeof openRemote>[0] =>
    (_, response) =>
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(data.map((one) => `data: ${one}\n\n`).join(''));

  it('is accepted, loaded, streamed and done, with its usage without asking for it', async () => {
    const socket = await connect({ models: { tiny: { load_ms: 30, chunks: 4 } } });
    assert.equal(socket.frames[0]?.type, 'hello');
    const { text, last, frames } = await socket.chat('a');
    assert.equal(text, 'tiny: 1 2 3');
    assert.deepEqual(last, {
      type: 'chat.done',
      id: 'a',
      usage: { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 },
      finish_reason: 'stop',
    });
    assert.equal(frames[0]?.type, 'chat.accepted');
    const sequence = frames.flatMap((frame) => (frame.type === 'chat.chunk' ? [frame.seq] : []));
    assert.deepEqual(
      sequence,
      sequence.map((_, index) => index + 1),
    );
    const { body } = (await testServer.engine('tiny')).last!;
    assert.deepEqual((body as { stream_options: unknown }).stream_options, { include_usage: true });
    const accepted = await socket.next('chat.accepted');
    assert.match(accepted.chat, /^[\da-f-]{36}$/);
  });

  it('reports its position in the queue', async () => {
    const socket = await connect({ models: { tiny: { parallel: 1, chunk_ms: 5 } } });
    socket.start('first', 'tiny', '/count');
    await socket.next('chat.chunk', ({ id }) => id === 'first');
    socket.start('second');
    socket.start('third');
    assert.equal((await socket.next('chat.queued', ({ id }) => id === 'third')).position, 2);
    socket.send({ type: 'chat.cancel', id: 'first' });
    assert.equal((await socket.ended('second')).last.type, 'chat.done');
    assert.equal((await socket.ended('third')).last.type, 'chat.done');
    await socket.next('chat.queued', ({ id, position }) => id === 'third' && position === 1);
  });

  it('runs independently of others on its socket', async () => {
    const socket = await connect({ models: { tiny: { chunks: 100, chunk_ms: 1 } } });
    await socket.chat('warm');
    const results = await Promise.all(Array.from({ length: 40 }, (_, index) => socket.chat(`c${index}`)));
    const whole = `tiny: ${Array.from({ length: 99 }, (_, index) => index + 1).join(' ')}`;
    assert.ok(results.every(({ text, last }) => text === whole && last.type === 'chat.done'));
    const order = socket.frames.flatMap((frame) => (frame.type === 'chat.chunk' ? [frame.id] : []));
    assert.ok(order.indexOf('c39') < order.lastIndexOf('c0'), 'they came one after another');
  });

  it('that is cancelled frees its engine, which would count without end, and ends once', async () => {
    const socket = await connect({ models: { tiny: { chunk_ms: 1 } } });
    await socket.chat('warm');
    for (let round = 0; round < 5; round++) {
      const id = `r${round}`;
      socket.start(id, 'tiny', '/count');
      await socket.next('chat.chunk', (frame) => frame.id === id);
      socket.send({ type: 'chat.cancel', id });
      await until('the engine is free', async () => (await testServer.engine('tiny')).busy === 0);
      const { last } = await socket.ended(id);
      assert.equal(last.type === 'chat.error' && last.error.code, 'ABORTED');
    }
    assert.equal(testServer.lamina.runtime.slot('tiny').busy, 0);
    socket.send({ type: 'chat.cancel', id: 'r0' });
    socket.send({ type: 'ping', id: 'p' });
    await socket.next('pong');
    assert.equal(socket.frames.filter((frame) => frame.type === 'chat.error').length, 5);
    assert.equal(socket.frames.filter((frame) => frame.type === 'error').length, 0);
  });

  it('that is cancelled while its model loads leaves no waiter behind', async () => {
    const socket = await connect({ models: { tiny: { load_ms: 60_000 } } });
    socket.start('a');
    await until('it starts', () => testServer.lamina.runtime.slot('tiny').state === 'starting');
    socket.send({ type: 'chat.cancel', id: 'a' });
    const { last } = await socket.ended('a');
    assert.equal(last.type === 'chat.error' && last.error.code, 'ABORTED');
    const { waiting, state } = testServer.lamina.runtime.slot('tiny');
    assert.deepEqual({ waiting, state }, { waiting: 0, state: 'starting' });
  });

  it('ends with its socket when the client closes that', async () => {
    testServer = await startTestServer({ models: { tiny: { chunk_ms: 1 } } });
    for (const code of [1000, 1001, undefined]) {
      const socket = await TestSocket.open(testServer.url);
      for (const id of ['a', 'b', 'c']) socket.start(id, 'tiny', '/count');
      for (const id of ['a', 'b', 'c']) await socket.next('chat.chunk', (frame) => frame.id === id);
      socket.ws.close(code);
      await until('the engine is free', async () => (await testServer.engine('tiny')).busy === 0);
      assert.equal(testServer.lamina.runtime.slot('tiny').busy, 0);
    }
  });

  it('carries tool calls, reasoning and whatever else an engine sends, as the engine wrote it', async () => {
    const odd =
      '{"id":"x", "choices":[{"index":0,"delta":{"reasoning_content":"hm","tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"get_weather","arguments":"{\\"a\\":1}"}}]},"finish_reason":null}],"extra":[1.50,1e3]}';
    const socket = await connectTo(
      events(
        odd,
        '{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}',
        '{"choices":[],"usage":{"total_tokens":7}}',
        '[DONE]',
      ),
    );
    const raw: string[] = [];
    socket.ws.on('message', (data: Buffer) => raw.push(data.toString()));
    const { last } = await socket.chat('a', 'far');
    assert.deepEqual(last, { type: 'chat.done', id: 'a', usage: { total_tokens: 7 }, finish_reason: 'tool_calls' });
    assert.ok(raw.some((frame) => frame.includes(odd)));
  });

  it("goes to the engine with its other fields, under the engine's id", async () => {
    let seen: Record<string, unknown> = {};
    const socket = await connectTo(
      (request, response) => {
        let text = '';
        request
          .on('data', (part: Buffer) => (text += part.toString()))
          .on('end', () => {
            seen = JSON.parse(text) as typeof seen;
            events('[DONE]')(request, response);
          });
      },
      { info: { ids: { far: 'vendor/far' } } },
    );
    await socket.chat('a', 'far', 'hi', { temperature: 0.5, stream: false, stream_options: { x: 1 }, tools: [] });
    assert.deepEqual(seen, {
      model: 'vendor/far',
      messages: [{ role: 'user', content: 'hi' }],
      temperature: 0.5,
      stream: true,
      stream_options: { x: 1, include_usage: true },
      tools: [],
    });
  });

  it('that fails reports the same error as REST', async () => {
    const refuse = definePlugin({
      name: 'refuse',
      setup: (lamina) =>
        lamina.hooks.beforeRequest.tap((request) => {
          if (JSON.stringify(request.json).includes('forbidden words'))
            throw new LaminaError('FORBIDDEN', { message: 'Not here.' });
          return undefined;
        }),
    });
    const socket = await connect({
      models: {
        tiny: {},
        angry: { status: 418 },
        dead: { exit_code: 1 },
        killed: { crash: 'mid_stream', chunks: 9 },
        open: { no_done: true },
      },
      plugins: [refuse()],
    });
    const errorOf = async (...chat: Parameters<TestSocket['chat']>) => {
      const { last } = await socket.chat(...chat);
      assert.equal(last.type, 'chat.error', JSON.stringify(last));
      return (last as { error: { code: string; message: string } }).error;
    };
    assert.equal((await errorOf('a', 'tinny')).code, 'MODEL_NOT_FOUND');
    assert.match((await errorOf('b', 'angry')).message, /Told to answer 418/);
    assert.equal((await errorOf('c', 'dead')).code, 'MODEL_START_FAILED');
    assert.equal((await errorOf('d', 'killed')).code, 'MODEL_SERVER_EXITED');
    assert.equal((await errorOf('e', 'tiny', 'forbidden words')).message, 'Not here.');
    assert.equal((await socket.chat('f', 'open')).last.type, 'chat.done');
    assert.ok(testServer.lamina.runtime.slots().every(({ busy }) => busy === 0));
  });

  it('does not end with chat.done when the engine broke off, sent no stream, or reported an error', async () => {
    const answers: Record<string, Parameters<typeof openRemote>[0]> = {
      whole: (_, response) =>
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end('{"choices":[{"message":{"content":"x"}}]}'),
      short: events('{"choices":[{"index":0,"delta":{"content":"x"}}]}'),
      failed: events(
        '{"choices":[{"index":0,"delta":{"content":"x"}}]}',
        '{"error":{"message":"out of memory","code":500,"type":"server_error"}}',
      ),
      garbled: events('{"choices":[{"index":0,"delta":{"content":"x"}}]}', '{"choices":'),
      cut: (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"choices":[]}\n\n');
        setImmediate(() => response.destroy());
      },
    };
    let answer = answers['whole']!;
    const socket = await connectTo((request, response) => answer(request, response));
    for (const [name, given] of Object.entries(answers)) {
      answer = given;
      const { last } = await socket.chat(name, 'far');
      assert.equal(last.type, 'chat.error', name);
      if (name === 'failed') assert.match(JSON.stringify(last), /out of memory/);
    }
  });

  it('under an id that is in use is an error, and the other continues', async () => {
    const socket = await connect({ models: { tiny: { chunks: 30, chunk_ms: 1 } } });
    socket.start('a');
    socket.start('a');
    const { error } = await socket.next('error');
    assert.deepEqual([error.code, error.param], ['CONFLICT', 'id']);
    assert.equal((await socket.ended('a')).last.type, 'chat.done');
    assert.equal(socket.frames.filter((frame) => frame.type === 'chat.accepted').length, 1);
    assert.equal((await socket.chat('a')).last.type, 'chat.done');
  });

  it('beyond the limit of its socket is refused until another ends', async () => {
    const socket = await connect({ models: { tiny: { chunk_ms: 1 } }, server: { chatLimit: 2 } });
    socket.start('a', 'tiny', '/count');
    socket.start('b', 'tiny', '/count');
    socket.start('c');
    assert.equal((await socket.next('error', ({ id }) => id === 'c')).error.code, 'CONFLICT');
    socket.send({ type: 'chat.cancel', id: 'a' });
    await socket.ended('a');
    assert.equal((await socket.chat('d')).last.type, 'chat.done');
    socket.send({ type: 'chat.cancel', id: 'b' });
    await socket.ended('b');
  });

  it('is reported as an event like any other request', async () => {
    const socket = await connect();
    const finished = testServer.lamina.events.once('request.finished', { signal: AbortSignal.timeout(5000) });
    await socket.chat('a');
    const event = await finished;
    assert.deepEqual(
      [event.model, event.route, event.status, event.usage],
      ['tiny', 'chat/completions', 200, { prompt_tokens: 2, completion_tokens: 5, total_tokens: 7 }],
    );
  });
});
