// Clients whose base URL is not exactly the one that they should have.
import assert from 'node:assert/strict';
import { laminaRouter } from '@lamina/server-koa';
import { chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';
import { raw } from './support/raw.js';

describe('a client with a base URL', () => {
  let testServer: TestServer;

  before(async () => {
    testServer = await startTestServer({
      models: { tiny: {}, completions: {} },
      server: {
        bodyLimit: 4096,
        apiKeys: [{ key: 'all' }, { key: 'chats', scope: 'inference' }, { key: 'manages', scope: 'manage' }],
      },
    });
  });

  after(() => testServer.close());

  const post = (path: string, body: object, key = 'all') =>
    testServer.post(path, body, { headers: { authorization: `Bearer ${key}` } });

  /** The inference routes without /v1, as the router has them. */
  const routes = (): string[] =>
    laminaRouter(testServer.lamina)
      .stack.filter(({ path, methods }) => /^\/v1\/[^*]+$/.test(String(path)) && methods.includes('POST'))
      .map(({ path }) => String(path).slice('/v1'.length));

  it('without /v1 is served on every inference route, with the same checks', async () => {
    assert.ok(routes().length > 10);
    for (const route of routes()) {
      const outcomes = await Promise.all(
        [`/v1${route}`, route].map(async (path) => {
          const seen: unknown[] = [];
          for (const key of ['all', 'chats', 'manages', 'wrong', ''])
            for (const body of [{}, { model: 'tiny' }, { model: 'nobody', ...anything }, { x: 'x'.repeat(5000) }]) {
              const answer = await post(path, body, key);
              const { error, type } = (await answer.json()) as {
                error: { code: string; param?: string };
                type?: string;
              };
              if (!['all', 'chats'].includes(key)) assert.ok([401, 403].includes(answer.status), `${path} ${key}`);
              seen.push([answer.status, error.code, error.param, type]);
            }
          const got = await fetch(testServer.url + path, { headers: { authorization: 'Bearer all' } });
          return [...seen, got.status, got.headers.get('allow')];
        }),
      );
      assert.deepEqual(outcomes[1], outcomes[0], route);
      assert.deepEqual(outcomes[0]?.slice(-2), [405, 'POST']);
    }
  });

  /** Has the required fields of every route. */
  const anything = { messages: [{ role: 'user', content: 'hi' }], prompt: 'x', input: 'x', query: 'x', documents: [] };

  it('without /v1 gets the answers of the engine', async () => {
    for (const [route, object] of [
      ['/chat/completions', 'chat.completion'],
      ['/completions', 'text_completion'],
      ['/embeddings', 'list'],
      ['/rerank', 'list'],
    ] as const) {
      const answer = await post(route, { model: 'tiny', ...anything });
      assert.equal(answer.status, 200, route);
      assert.equal(((await answer.json()) as { object: string }).object, object);
    }
    const streamed = await post('/chat/completions', chat('tiny', 'hi', { stream: true }));
    assert.match(await streamed.text(), /\[DONE\]/);
  });

  it("without /v1 does not take a model's own route from it, unless the model is named like OpenAI's", async () => {
    assert.equal((await post('/chat/tiny', anything)).status, 200);
    assert.equal((await post('/chat/completions', chat('completions'))).status, 200);
    assert.equal((await errorOf(await post('/chat/completions', anything))).param, 'model');
    const list = await fetch(`${testServer.url}/models`, { headers: { authorization: 'Bearer all' } });
    assert.equal(typeof ((await list.json()) as { models: object }).models, 'object');
  });

  const mistakes: readonly [string, string][] = [
    ['POST', '/v1/v1/chat/completions'],
    ['POST', '/v1/v1/v1/chat/completions'],
    ['POST', '//v1/chat/completions'],
    ['POST', '/v1//chat/completions'],
    ['POST', '/v1/chat/completions/chat/completions'],
    ['POST', '/v1/chat/completions/completions'],
    ['POST', '/api/v1/embeddings'],
    ['GET', '//v1/models'],
    ['GET', '/v1/v1/models'],
    ['GET', '/v1/chat/completions/models'],
    ['GET', '/openai/v1/models'],
    ['POST', '/v1/v1/messages'],
    ['POST', '//v1/messages/count_tokens'],
  ];
  it('that is wrong otherwise is told the right one, whether the model runs or not', async () => {
    const origin = testServer.url;
    const body = JSON.stringify({ model: 'tiny', ...anything });
    for (const running of [true, false]) {
      await testServer.lamina.runtime[running ? 'start' : 'stop']('tiny');
      for (const [method, path] of mistakes) {
        const answer = await fetch(`${origin}${path}${method === 'GET' ? '?model=tiny' : ''}`, {
          method,
          headers: { authorization: 'Bearer all' },
          ...(method === 'GET' ? {} : { body }),
        });
        assert.equal(answer.status, 404, path);
        const { code, message } = await errorOf(answer);
        assert.equal(code, 'ROUTE_NOT_FOUND');
        const hint = path.includes('messages')
          ? `Use ${origin} as the base URL, without /v1, which Anthropic's clients add.`
          : `Use ${origin}/v1 as the base URL.`;
        assert.ok(message.endsWith(hint), message);
      }
    }
    const old = await raw(origin, 'GET //v1/models HTTP/1.0\r\nAuthorization: Bearer all\r\n\r\n');
    assert.match(old.body, /Use \/v1 as the base URL\./);
  });
});
