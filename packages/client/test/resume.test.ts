// Chats whose connection is cut: nothing is lost, nothing comes twice, and nobody else can continue them.
import assert from 'node:assert/strict';
import { connect, LaminaClientError, type ChatStream, type LaminaClient } from '@lamina/client';
import { watchForLeaks } from '@lamina/testing';
import { TcpProxy } from './support/tcp-proxy.js';
import { startTestServer, type TestServer } from './support/test-server.js';

const messages = [{ role: 'user', content: 'hi' }];
const chunks = 60;
const answer = `tiny: ${Array.from({ length: chunks - 1 }, (_, index) => index + 1).join(' ')}`;

describe('a chat', () => {
  let testServer: TestServer;
  let proxy: TcpProxy;
  let client: LaminaClient;
  let noLeaks: () => Promise<void>;

  before(async () => {
    noLeaks = await watchForLeaks();
    testServer = await startTestServer({
      models: { tiny: { chunks, chunk_ms: 5 } },
      server: { apiKeys: [{ key: 'mine' }, { key: 'other' }] },
    });
    proxy = await TcpProxy.open(testServer.url);
  });
  after(async () => {
    await proxy.close();
    await testServer.close();
    await noLeaks();
  });
  beforeEach(() => {
    client = connect(proxy.url, { key: 'mine', heartbeatInterval: 0.2 });
    proxy.reset();
  });
  afterEach(() => client.close());

  it('that is cut ten times ends with exactly the chunks of the engine', async () => {
    const read = async (chat: ChatStream) => {
      const choices: unknown[] = [];
      for await (const chunk of chat) choices.push(chunk.choices);
      return { choices, finishReason: chat.finishReason, usage: chat.usage };
    };
    const whole = await read(client.chat({ model: 'tiny', messages }));
    client.close();
    client = connect(proxy.url, { key: 'mine' });
    proxy.reset();
    // After the handshake and a few chunks, mostly in the middle of a frame.
    for (let cut = 0; cut < 10; cut++) proxy.cuts.push(1200 + 37 * cut);
    assert.deepEqual(await read(client.chat({ model: 'tiny', messages })), whole);
    assert.equal(proxy.count, 11);
    assert.equal(whole.usage?.completion_tokens, chunks);
  });

  it('whose end was lost is complete', async () => {
    proxy.cuts.push('{"type":"chat.done"');
    const chat = client.chat({ model: 'tiny', messages });
    assert.equal(await chat.text(), answer);
    assert.equal(chat.finishReason, 'stop');
    assert.equal(proxy.count, 2);
  });

  it('that was not accepted yet is started again', async () => {
    proxy.cuts.push('{"type":"chat.accepted"');
    assert.equal(await client.chat({ model: 'tiny', messages }).text(), answer);
    assert.equal(proxy.count, 2);
  });

  it('continues on a new connection when the old one is dead', async () => {
    let text = '';
    for await (const { choices } of client.chat({ model: 'tiny', messages })) {
      if (text === '') proxy.freeze();
      text += choices[0]?.delta.content ?? '';
    }
    assert.equal(text, answer);
    assert.equal(proxy.count, 2);
  });

  it('cannot be continued with another key', async () => {
    const chat = client.chat({ model: 'tiny', messages })[Symbol.asyncIterator]();
    await chat.next();
    const [, secret] = /"chat":"([^"]+)"/.exec(proxy.received)!;
    const other = connect(testServer.url, { key: 'other' });
    const resumed = other.call({ type: 'chat.resume', chat: secret, after: 0 });
    await assert.rejects(resumed, (error) => error instanceof LaminaClientError && error.code === 'CHAT_NOT_FOUND');
    other.close();
    await chat.return();
  });

  it('fails when the server cannot continue it', async () => {
    const other = await startTestServer({ models: {} });
    const chat = client.chat({ model: 'tiny', messages })[Symbol.asyncIterator]();
    await chat.next();
    proxy.target = new URL(other.url);
    proxy.cut();
    const rest = async (): Promise<void> => {
      for await (const _chunk of chat);
    };
    await assert.rejects(rest(), (error) => error instanceof LaminaClientError && error.code === 'CHAT_NOT_FOUND');
    client.close();
    await other.close();
  });
});
