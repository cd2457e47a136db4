// What a client gets when the queue of a model is full.
import assert from 'node:assert/strict';
import { startTestServer, type TestServer } from './support/test-server.js';

describe('a request to a model whose queue is full', () => {
  let testServer: TestServer;
  afterEach(() => testServer.close());

  it('gets 429 with Retry-After, and the next one is answered when there is room', async () => {
    testServer = await startTestServer({
      entries: {
        narrow: {
          path: 'model.fake',
          backend: 'fake',
          options: { parallel: 1, chunk_ms: 5 },
          limits: { queue_limit: 1 },
        },
      },
    });
    const ask = (content: string, signal?: AbortSignal) =>
      testServer.post(
        '/v1/chat/completions',
        { model: 'narrow', stream: true, messages: [{ role: 'user', content }] },
        signal === undefined ? {} : { signal },
      );
    const first = new AbortController();
    const busy = await ask('/count', first.signal);
    const { signal } = new AbortController();
    const queued = testServer.lamina.events.once('queue.position', { signal });
    const waiting = ask('a');
    await queued;
    const refused = await ask('b');
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    const { error } = (await refused.json()) as { error: { code: string; message: string } };
    assert.equal(error.code, 'QUEUE_FULL');
    assert.match(error.message, /The queue of model "narrow" is full/);
    first.abort();
    await busy.text().catch(() => undefined);
    assert.match(await (await waiting).text(), /data: \[DONE\]\n\n$/);
  });
});
