// A client that waits for a stream is told what it waits for, before its model answers.
import assert from 'node:assert/strict';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('a request that waits', () => {
  let testServer: TestServer;
  afterEach(() => testServer.close());

  const open = async (tiny: object) => {
    testServer = await startTestServer({ models: { tiny }, server: { heartbeatInterval: 0.02 } });
  };
  const chat = (more: object) =>
    testServer.post('/v1/chat/completions', { model: 'tiny', messages: [{ role: 'user', content: 'a' }], ...more });

  it('gets the head of its stream and comments with the stage, then the whole answer', async () => {
    await open({ load_ms: 300 });
    const response = await chat({ stream: true });
    assert.deepEqual(
      [response.status, response.headers.get('content-type')],
      [200, 'text/event-stream; charset=utf-8'],
    );
    const text = await response.text();
    assert.match(text, /^: (?:waiting|queued 1|loading(?: \d+ %)?)\n\n/);
    assert.match(text, /\n\n: loading \d+ %\n\ndata: /);
    assert.match(text, /data: \[DONE\]\n\n$/);
  });

  for (const [route, body] of [
    ['chat/completions', { messages: [{ role: 'user', content: 'a' }] }],
    ['completions', { prompt: 'a' }],
  ] as const)
    it(`to /v1/${route} gets comments with its place in the queue, then the whole answer`, async () => {
      await open({ parallel: 1, chunk_ms: 5 });
      const first = new AbortController();
      const endless = { model: 'tiny', stream: true, messages: [{ role: 'user', content: '/count' }] };
      const busy = await testServer.post('/v1/chat/completions', endless, { signal: first.signal });
      const waiting = await testServer.post(`/v1/${route}`, { model: 'tiny', stream: true, ...body });
      const reader = waiting.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      const read = async () => {
        const { done, value = '' } = await reader.read();
        text += value;
        return !done;
      };
      while (!text.includes(': queued 1\n\n')) assert.ok(await read());
      first.abort();
      await busy.text().catch(() => undefined);
      while (await read());
      assert.match(text, /^(: .*\n\n)*: queued 1\n\ndata: .*"choices"[^]*data: \[DONE\]\n\n$/);
    });

  it('gets an error event, and no clean end, when the wait ends with a failure', async () => {
    await open({ load_ms: 300, exit_code: 3 });
    const response = await chat({ stream: true });
    assert.equal(response.status, 200);
    let text = '';
    await assert.rejects(async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk;
    });
    const [, error] = /\n\ndata: (\{"error":.*\})\n\n$/.exec(text) ?? [];
    assert.equal(JSON.parse(error ?? '{}').error.code, 'MODEL_START_FAILED');
  });

  it('gets its error with its own status when it does not stream', async () => {
    await open({ load_ms: 300, exit_code: 3 });
    assert.equal((await chat({})).status, 502);
  });

  it('gets the status of a failure that comes before the first comment', async () => {
    await open({});
    assert.equal((await chat({ model: 'absent', stream: true })).status, 404);
  });
});
