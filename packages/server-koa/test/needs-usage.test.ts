// Plugins that need usage: engines are asked for it, and clients that did not ask see no difference.
import assert from 'node:assert/strict';
import type { LaminaEvent, Plugin } from '@lamina/core';
import { chat, startTestServer, type TestServer } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

const meter: Plugin = { name: 'meter', needs: ['usage'], setup: () => undefined };

describe('a plugin that needs usage', () => {
  let plain: TestServer;
  let metered: TestServer;
  before(async () => {
    [plain, metered] = await Promise.all([startTestServer(), startTestServer({ plugins: [meter] })]);
  });
  after(() => Promise.all([plain.close(), metered.close()]));

  /** What a client gets, and the event. */
  async function ask(server: TestServer, route: string, more: object) {
    const finished = server.lamina.events.once('request.finished', { signal: AbortSignal.timeout(10_000) });
    const response = await server.post(`/v1/${route}`, { ...chat('tiny'), prompt: 'hi', ...more });
    return { text: await response.text(), event: await finished };
  }
  const counts = ({ prompt_tokens, completion_tokens }: LaminaEvent<'request.finished'>) => [
    prompt_tokens,
    completion_tokens,
  ];
  const includeUsage = { stream_options: { include_usage: true } };

  for (const route of ['chat/completions', 'completions']) {
    it(`has the counts of a stream of ${route} whose client did not ask, and the client gets the same bytes`, async () => {
      for (const more of [{}, { stream_options: { include_usage: false, other: 1 } }, { stream_options: null }]) {
        const expected = await ask(plain, route, { stream: true, ...more });
        const { text, event } = await ask(metered, route, { stream: true, ...more });
        assert.equal(text, expected.text);
        assert.ok(!text.includes('usage'));
        assert.deepEqual(
          [counts(event), counts(expected.event)],
          [
            [2, 5],
            [undefined, undefined],
          ],
        );
        const { last } = await metered.engine('tiny');
        const { stream_options } = last!.body as { stream_options: object };
        assert.deepEqual(stream_options, { ...(more.stream_options ?? {}), include_usage: true });
      }
    });

    it(`leaves the usage to a client of ${route} that asks`, async () => {
      const expected = await ask(plain, route, { stream: true, ...includeUsage });
      const { text, event } = await ask(metered, route, { stream: true, ...includeUsage });
      assert.equal(text, expected.text);
      assert.match(text, /"usage":\{/);
      assert.deepEqual(
        [counts(event), counts(expected.event)],
        [
          [2, 5],
          [2, 5],
        ],
      );
    });
  }

  it('has the counts of bodies, of Anthropic’s streams and of chats over a WebSocket', async () => {
    assert.deepEqual(counts((await ask(metered, 'chat/completions', {})).event), [2, 5]);
    assert.deepEqual(counts((await ask(metered, 'messages', { stream: true, max_tokens: 9 })).event), [2, 5]);
    const finished = metered.lamina.events.once('request.finished', { signal: AbortSignal.timeout(10_000) });
    const socket = await TestSocket.open(metered.url);
    await socket.chat('one');
    assert.deepEqual(counts(await finished), [2, 5]);
    socket.ws.close();
  });
});
