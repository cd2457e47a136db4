// GET /requests: what dashboards see of inference requests that are under way or have ended.
import assert from 'node:assert/strict';
import type { RequestsView } from '@lamina/core/protocol';
import { chat, startTestServer, until, type TestServer } from './support/test-server.js';

const manager = { authorization: 'Bearer manager-key-1' };
const guest = { authorization: 'Bearer guest-key-1' };

describe('GET /requests', function () {
  this.timeout(30_000);
  let testServer: TestServer;

  beforeEach(async () => {
    testServer = await startTestServer({
      models: { tiny: {}, slow: { chunks: 1_000_000, chunk_ms: 1 } },
      server: {
        apiKeys: [
          { key: 'manager-key-1', name: 'laptop' },
          { key: 'guest-key-1', name: 'phone', scope: 'inference' },
        ],
      },
    });
  });
  afterEach(() => testServer.close());

  async function view(after?: string): Promise<RequestsView> {
    const query = after === undefined ? '' : `?after=${after}`;
    const answer = await fetch(`${testServer.url}/requests${query}`, { headers: manager });
    assert.equal(answer.status, 200);
    return (await answer.json()) as RequestsView;
  }
  const ask = (model: string, more: object = {}, init: RequestInit = {}) =>
    testServer.post('/v1/chat/completions', chat(model, 'a secret question', more), { headers: guest, ...init });
  /** Requests that are refused at once, without a model. */
  async function refuse(count: number): Promise<void> {
    const request = { route: 'chat/completions', model: 'nobody', headers: {} };
    for (let each = 0; each < count; each++)
      await assert.rejects(testServer.lamina.inference.open(request, { signal: AbortSignal.timeout(5000) }));
  }

  it('lists requests under way and those that ended, without what was asked and answered', async () => {
    const text = await (await ask('tiny')).text();
    const leave = new AbortController();
    const { body } = await ask('slow', { stream: true }, { signal: leave.signal });
    await body!.getReader().read();
    const { running, finished, complete } = await view();
    assert.equal(complete, true);
    const [first] = finished;
    assert.deepEqual(
      [finished.length, first?.model, first?.route, first?.via, first?.key, first?.status, first?.stream],
      [1, 'tiny', 'chat/completions', 'http', 'phone', 200, false],
    );
    assert.deepEqual(
      running.map(({ model, key, stream, via }) => ({ model, key, stream, via })),
      [{ model: 'slow', key: 'phone', stream: true, via: 'http' }],
    );
    const { choices } = JSON.parse(text) as { choices: { message: { content: string } }[] };
    for (const word of ['a secret question', choices[0]!.message.content])
      assert.ok(!JSON.stringify({ running, finished }).includes(word), word);
    leave.abort();
    await until('the request has ended', async () => (await view()).running.length === 0);
    assert.deepEqual(
      (await view()).finished.map(({ model }) => model),
      ['tiny', 'slow'],
    );
  });

  it('continues after the last request that the client knows, and says when some are missing', async () => {
    await refuse(3);
    const [first, , third] = (await view()).finished;
    assert.deepEqual((await view(first!.id)).finished.length, 2);
    assert.deepEqual(await view(third!.id), { running: [], finished: [], complete: true });
    await refuse(498);
    const all = await view();
    assert.deepEqual([all.finished.length, all.complete], [500, true], 'the last 500');
    assert.equal((await view(first!.id)).complete, true, 'nothing after it is missing');
    await refuse(1);
    const late = await view(first!.id);
    assert.deepEqual([late.finished.length, late.complete], [500, false]);
    assert.equal((await view('another-session-1')).complete, false);
    assert.equal(late.finished[0]?.error?.code, 'MODEL_NOT_FOUND');
  });

  it('is for callers with the scope manage', async () => {
    assert.equal((await fetch(`${testServer.url}/requests`, { headers: guest })).status, 403);
    assert.equal((await fetch(`${testServer.url}/requests`)).status, 401);
  });
});
