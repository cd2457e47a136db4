// Chats, models, calls, keys and errors of the client, over one server.
import assert from 'node:assert/strict';
import { connect, LaminaClientError, type ChatProgress, type LaminaClient } from '@lamina/client';
import { definePlugin } from '@lamina/core/plugin';
import { watchForLeaks } from '@lamina/testing';
import { startTestServer, type TestServer } from './support/test-server.js';

const messages = [{ role: 'user', content: 'hi' }];
const endless = [{ role: 'user', content: '/count' }];

const shelf = definePlugin({
  name: 'shelf-source',
  setup: (lamina) =>
    lamina.addSource({
      name: 'shelf',
      resolve: () => Promise.resolve(undefined),
      locate: () => Promise.reject(new Error('it has no files')),
      search: ({ text, limit }) => Promise.resolve([{ reference: `shelf:${text}`, downloads: limit }]),
    }),
})();

describe('the client', () => {
  let testServer: TestServer;
  let client: LaminaClient;
  let noLeaks: () => Promise<void>;

  before(async () => {
    noLeaks = await watchForLeaks();
    testServer = await startTestServer({
      models: { tiny: {}, other: {}, endless: { chunk_ms: 1, parallel: 1 } },
      server: { apiKeys: [{ key: 'all-rights' }, { key: 'chats ü', scope: 'inference' }], bodyLimit: 10_000 },
    });
  });
  after(async () => {
    await testServer.close();
    await noLeaks();
  });
  beforeEach(() => (client = connect(testServer.url, { key: 'all-rights' })));
  afterEach(() => client.close());

  const codeOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'none',
      (error: unknown) => (error instanceof LaminaClientError ? error.code : String(error)),
    );
  const isIdle = (model: string) => testServer.lamina.runtime.slot(model).busy === 0;
  const untilIdle = async (model: string): Promise<void> => {
    while (!isIdle(model))
      await testServer.lamina.events.once('request.finished', { signal: AbortSignal.timeout(5000) });
  };

  it('streams a chat, and has its usage and finish reason at the end', async () => {
    const progress: ChatProgress[] = [];
    const chat = client.chat({ model: 'other', messages }, { onProgress: (one) => progress.push(one) });
    let text = '';
    for await (const { choices } of chat) {
      text += choices[0]?.delta.content ?? '';
      assert.equal(chat.finishReason, undefined);
    }
    assert.equal(text, 'other: 1 2 3 4');
    assert.equal(chat.finishReason, 'stop');
    assert.equal(chat.usage?.completion_tokens, 5);
    assert.match(chat.id!, /^[\da-f-]{36}$/);
    assert.ok(progress.some(({ kind }) => kind === 'loading'));
  });

  it('returns the text of a chat, and sends nothing before it is read', async () => {
    const unread = client.chat({ model: 'nobody', messages });
    assert.equal(await client.chat({ model: 'tiny', messages }).text(), 'tiny: 1 2 3 4');
    assert.equal(await codeOf(unread.text()), 'MODEL_NOT_FOUND');
  });

  it('returns the answer as a message that can be sent back', async () => {
    const message = await client.chat({ model: 'tiny', messages }).message();
    assert.deepEqual(message, { role: 'assistant', content: 'tiny: 1 2 3 4' });
    assert.equal(await client.chat({ model: 'tiny', messages: [...messages, message] }).text(), 'tiny: 1 2 3 4');
  });

  it('embeds texts', async () => {
    const { embeddings, model } = await client.embed({ model: 'tiny', input: ['one', 'two'] });
    assert.equal(model, 'tiny');
    assert.equal(embeddings.length, 2);
    assert.notDeepEqual(embeddings[0], embeddings[1]);
    assert.deepEqual((await client.embed({ model: 'tiny', input: 'one' })).embeddings, [embeddings[0]]);
    assert.equal(await codeOf(client.embed({ model: 'nobody', input: 'one' })), 'MODEL_NOT_FOUND');
  });

  it('reads a chat only once', async () => {
    const chat = client.chat({ model: 'tiny', messages });
    await chat.text();
    await assert.rejects(chat.text(), { name: 'TypeError' });
  });

  it('cancels a chat whose loop is left', async () => {
    let chunks = 0;
    for await (const _chunk of client.chat({ model: 'endless', messages: endless })) if (++chunks === 3) break;
    await untilIdle('endless');
  });

  it('cancels a chat whose signal is aborted, and reports its place in the queue', async () => {
    const controller = new AbortController();
    const first = client.chat({ model: 'endless', messages: endless }, { signal: controller.signal });
    const chunks = first[Symbol.asyncIterator]();
    await chunks.next();
    const queued = new Promise<ChatProgress>((resolve) => {
      const second = client.chat(
        { model: 'endless', messages: endless },
        { onProgress: resolve, signal: controller.signal },
      );
      void codeOf(second.text());
    });
    assert.deepEqual(await queued, { kind: 'queued', position: 1 });
    controller.abort(new Error('enough'));
    const rest = async (): Promise<void> => {
      for await (const _chunk of chunks);
    };
    const error = (await rest().catch((thrown: unknown) => thrown)) as LaminaClientError;
    assert.equal(error.code, 'ABORTED');
    assert.equal((error.cause as Error).message, 'enough');
    await untilIdle('endless');
  });

  it('throws the errors of the server with their details', async () => {
    await assert.rejects(client.chat({ model: 'tniy', messages }).text(), (error: LaminaClientError) => {
      assert.ok(error instanceof LaminaClientError);
      assert.equal(error.code, 'MODEL_NOT_FOUND');
      assert.equal(error.details['model'], 'tniy');
      assert.match(error.message, /"tniy" was not found/);
      return true;
    });
    assert.equal(await codeOf(client.chat({ model: 'tiny', messages: [] }).text()), 'REQUEST_INVALID');
  });

  it('lists, describes, suggests, starts and stops models', async () => {
    const { models, total } = await client.models.list({ q: 'tin' });
    assert.deepEqual([Object.keys(models), total], [['tiny'], 1]);
    assert.equal((await client.models.get('tiny')).path, 'model.fake');
    assert.equal((await client.suggest({ ai_model: 'other' })).suggested, 'other');
    assert.equal((await client.models.start('tiny')).state, 'ready');
    const { models: inUse, resources } = await client.models.ps();
    assert.equal(inUse['tiny']?.state, 'ready');
    assert.ok(inUse['tiny'].memory!.reserved['host']! <= resources['host']!.reserved);
    assert.equal((await client.models.stop('tiny')).state, 'stopped');
    assert.equal(await codeOf(client.models.start('nobody')), 'MODEL_NOT_FOUND');
  });

  it('searches the sources of the server', async () => {
    assert.equal(await codeOf(client.search('tiny')), 'NOT_SUPPORTED');
    const withSource = await startTestServer({ models: {}, plugins: [shelf] });
    const other = connect(withSource.url);
    try {
      const { models, failed } = await other.search('tiny', { limit: 1 });
      assert.deepEqual([models, failed], [[{ source: 'shelf', reference: 'shelf:tiny', downloads: 1 }], []]);
    } finally {
      other.close();
      await withSource.close();
    }
  });

  it('sends any frame, and returns the result of its reply', async () => {
    assert.equal((await client.call({ type: 'model.stop', model: 'tiny' }))['state'], 'stopped');
    assert.equal(await codeOf(client.call({ type: 'greeting.say' })), 'REQUEST_INVALID');
  });

  it('ends a call whose signal is aborted', async () => {
    assert.equal(await codeOf(client.models.stop('tiny', { signal: AbortSignal.abort() })), 'ABORTED');
    const controller = new AbortController();
    const started = client.models.start('tiny', { signal: controller.signal });
    controller.abort();
    assert.equal(await codeOf(started), 'ABORTED');
  });

  it('fails with a message that is too large, and goes on', async () => {
    const chat = client.chat({ model: 'tiny', messages });
    const large = [{ role: 'user', content: 'ü'.repeat(7000) }];
    const tooLarge = [{ role: 'user', content: 'a'.repeat(100_000) }];
    assert.equal(await codeOf(client.chat({ model: 'tiny', messages: large }).text()), 'BODY_TOO_LARGE');
    assert.equal(await codeOf(client.chat({ model: 'tiny', messages: tooLarge }).text()), 'BODY_TOO_LARGE');
    assert.equal(await chat.text(), 'tiny: 1 2 3 4');
  });

  it('has the rights of its key, which may be any text', async () => {
    const limited = connect(testServer.url, { key: 'chats ü' });
    try {
      assert.equal(await limited.chat({ model: 'tiny', messages }).text(), 'tiny: 1 2 3 4');
      assert.equal(await codeOf(limited.models.stop('tiny')), 'FORBIDDEN');
    } finally {
      limited.close();
    }
  });

  it('is refused with a wrong key, and does not try again', async () => {
    const refused = connect(testServer.url, { key: 'wrong' });
    const errors: LaminaClientError[] = [];
    refused.on('error', (error) => errors.push(error));
    assert.equal(await codeOf(refused.models.stop('tiny')), 'UNAUTHORIZED');
    assert.equal(await codeOf(refused.chat({ model: 'tiny', messages }).text()), 'UNAUTHORIZED');
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['UNAUTHORIZED'],
    );
  });

  it('says that nobody answers', async () => {
    const nobody = connect('http://127.0.0.1:1', { reconnectTimeout: 0 });
    await assert.rejects(nobody.models.stop('tiny'), {
      code: 'UNREACHABLE',
      message: /^Cannot connect to ws:\/\/127\.0\.0\.1:1\/ws: .*ECONNREFUSED/,
    });
    assert.throws(() => connect('ftp://example.org'), { name: 'TypeError' });
  });

  it('ends everything when it is closed', async () => {
    const chat = client.chat({ model: 'endless', messages: endless })[Symbol.asyncIterator]();
    await chat.next();
    const call = codeOf(client.models.start('tiny'));
    client.close();
    assert.equal(await call, 'CLOSED');
    const rest = async (): Promise<void> => {
      for await (const _chunk of chat);
    };
    assert.equal(await codeOf(rest()), 'CLOSED');
    assert.equal(await codeOf(client.models.start('tiny')), 'CLOSED');
    await untilIdle('endless');
  });
});
