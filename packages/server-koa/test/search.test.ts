// GET /search and the frame model.search: what sources find, for those who may download it.
import assert from 'node:assert/strict';
import type { SourceContext } from '@lamina/core/plugin';
import type { SearchView } from '@lamina/core/protocol';
import { shelfPlugin } from './support/shelf-source.js';
import { TestSocket } from './support/socket.js';
import { errorOf, startTestServer, type TestServer } from './support/test-server.js';

const apiKeys = [{ key: 'chats', scope: 'inference' as const }, { key: 'all' }];
const found = {
  models: [
    {
      source: 'shelf',
      reference: 'shelf:tiny',
      description: 'one of 5',
      downloads: 1200,
      likes: 3,
      formats: ['gguf'],
      bytes: 5_000_000,
      gated: true,
      updated_at: '2026-01-31T12:00:00.000Z',
    },
  ],
  failed: [],
};

describe('a search over the network', () => {
  let testServer: TestServer;
  let context: SourceContext | undefined;
  let asked: (context: SourceContext) => unknown;

  beforeEach(async () => {
    context = undefined;
    asked = (one) => (context = one);
    testServer = await startTestServer({ plugins: [shelfPlugin((one) => asked(one))], server: { apiKeys } });
  });
  afterEach(() => testServer.close());

  const get = (query: string, key = 'all', init: RequestInit = {}) =>
    fetch(`${testServer.url}/search${query}`, { headers: { authorization: `Bearer ${key}` }, ...init });
  const open = (key: string) => TestSocket.open(testServer.url, { headers: { authorization: `Bearer ${key}` } });

  it('returns what sources find, over HTTP and over a WebSocket', async () => {
    assert.deepEqual((await (await get('?q=tiny&limit=5&source=shelf')).json()) as SearchView, found);
    const socket = await open('all');
    socket.send({ type: 'model.search', id: 'a', q: 'tiny', limit: 5, source: 'shelf' });
    const answer = await socket.answer('a');
    assert.deepEqual(answer.type === 'reply' ? answer.result : answer, found);
    await socket.close();
  });

  it('has the limits of addresses that a download of this caller has', async () => {
    await (await get('?q=tiny')).arrayBuffer();
    assert.equal(context?.guard, 'loopback');
    await (await get('?q=tiny', 'all', { headers: { authorization: 'Bearer all', via: 'a proxy' } })).arrayBuffer();
    assert.equal(context.guard, 'public');
  });

  it('needs the scope manage, because it uses the tokens of the server', async () => {
    assert.equal((await get('?q=tiny', 'chats')).status, 403);
    assert.equal((await fetch(`${testServer.url}/search?q=tiny`)).status, 401);
    const socket = await open('chats');
    socket.send({ type: 'model.search', id: 'a', q: 'tiny' });
    const answer = await socket.answer('a');
    assert.equal(answer.type === 'error' ? answer.error.code : answer.type, 'FORBIDDEN');
    await socket.close();
    assert.equal(context, undefined);
  });

  it('is refused without a text, and with a limit or a source that does not exist', async () => {
    for (const query of ['', '?q=', '?q=a&q=b', '?q=a&limit=0', '?q=a&limit=101', '?q=a&limit=many', '?q=a&source=b']) {
      const { code, message } = await errorOf(await get(query));
      assert.equal(code, 'REQUEST_INVALID', `${query}: ${message}`);
    }
    const { code } = await errorOf(await get('?q=a&source=url'));
    assert.equal(code, 'NOT_SUPPORTED');
  });

  it('ends when the client leaves', async () => {
    const leaving = new AbortController();
    const ended = new Promise<void>((resolve) => {
      asked = ({ signal }) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
        leaving.abort();
        return new Promise(() => undefined);
      };
    });
    await assert.rejects(get('?q=tiny', 'all', { signal: leaving.signal, headers: { authorization: 'Bearer all' } }));
    await ended;
  });
});
