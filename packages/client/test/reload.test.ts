// Chats whose page is reloaded in the middle of the answer, and finish on the new page.
import assert from 'node:assert/strict';
import {
  connect,
  type ChatOptions,
  type ChatPosition,
  type ChatStream,
  type LaminaClient,
  type LaminaClientError,
} from '@lamina/client';
import { watchForLeaks } from '@lamina/testing';
import { TcpProxy } from './support/tcp-proxy.js';
import { startTestServer, type TestServer } from './support/test-server.js';

const messages = [{ role: 'user', content: 'hi' }];
const chunks = 60;
const answer = `tiny: ${Array.from({ length: chunks - 1 }, (_, index) => index + 1).join(' ')}`;

/** The storage of a browser, which a page finds again when it is reloaded. */
class MemoryStorage {
  readonly #items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.#items.set(key, value);
  }
}

describe('a chat of a page that is left', () => {
  let testServer: TestServer;
  let proxy: TcpProxy;
  let client: LaminaClient;
  let noLeaks: () => Promise<void>;

  before(async () => {
    noLeaks = await watchForLeaks();
    testServer = await startTestServer({
      models: { tiny: { chunks, chunk_ms: 5 }, slow: { chunks: 10_000, chunk_ms: 5 } },
    });
    proxy = await TcpProxy.open(testServer.url);
  });
  after(async () => {
    await proxy.close();
    await testServer.close();
    await noLeaks();
  });
  beforeEach(() => {
    client = connect(proxy.url);
    proxy.reset();
  });
  afterEach(() => client.close());

  /** Leaves the page; the client is then that of the next page. */
  const reload = (): void => {
    proxy.leave();
    client.close();
    client = connect(proxy.url);
  };

  /** Reads some chunks, more of which arrive. */
  const begin = async (model: string, options: ChatOptions): Promise<{ chat: ChatStream; read: unknown[] }> => {
    proxy.reset();
    const chat = client.chat({ model, messages }, options);
    const iterator = chat[Symbol.asyncIterator]();
    const read: unknown[] = [];
    while (read.length < 3) read.push((await iterator.next()).value?.choices);
    while (!proxy.received.includes('"seq":10,')) await new Promise(setImmediate);
    return { chat, read };
  };

  const requestFinished = () =>
    testServer.lamina.events.once('request.finished', { signal: AbortSignal.timeout(60_000) });

  const rest = async (chat: ChatStream): Promise<unknown[]> => {
    const read: unknown[] = [];
    for await (const { choices } of chat) read.push(choices);
    return read;
  };

  /** The code of the error that reading ends with. */
  const codeOf = (chat: ChatStream): Promise<string> =>
    chat.text().then(
      () => 'none',
      (error: LaminaClientError) => error.code,
    );

  it('finishes on the page after the reload', async () => {
    const sessionStorage = new MemoryStorage();
    let shown = '';
    let isLeft = false;
    const show = (text: string): void => {
      shown = text;
      if (isLeft || !text.endsWith(' 9')) return;
      isLeft = true;
      reload();
      throw new Error('The page was left.');
    };
    const page = async (): Promise<void> => {
      // #region keep
      let text = '';
      const chat = client.chat({ model: 'tiny', messages }, { keep: true });
      for await (const { choices } of chat) {
        text += choices[0]?.delta.content ?? '';
        show(text);
        sessionStorage.setItem('chat', JSON.stringify({ text, position: chat.position }));
      }
      // #endregion
    };
    const reloadedPage = async (): Promise<void> => {
      // #region resume
      const before = JSON.parse(sessionStorage.getItem('chat')!) as { text: string; position: ChatPosition };
      let { text } = before;
      for await (const { choices } of client.resumeChat(before.position)) {
        text += choices[0]?.delta.content ?? '';
        show(text);
      }
      // #endregion
    };
    await assert.rejects(page(), { message: 'The page was left.' });
    await reloadedPage();
    assert.equal(shown, answer);
  });

  it('continues after the chunk that was read last, over as many connections as it takes', async () => {
    const whole = await rest(client.chat({ model: 'tiny', messages }));
    const { chat, read } = await begin('tiny', { keep: true });
    const { position } = chat;
    assert.equal(position?.after, 3);
    reload();
    proxy.cuts.push(1200, 1300, '{"type":"chat.done"');
    const resumed = client.resumeChat(position);
    assert.deepEqual(resumed.position, position);
    assert.deepEqual([...read, ...(await rest(resumed))], whole);
    assert.deepEqual(
      [resumed.id, resumed.finishReason, resumed.usage?.completion_tokens, resumed.position?.after],
      [chat.id, 'stop', chunks, whole.length],
    );
  });

  it('can be read again from its beginning, also after its end', async () => {
    const chat = client.chat({ model: 'tiny', messages }, { keep: true });
    assert.equal(chat.position, undefined);
    assert.equal(await chat.text(), answer);
    reload();
    assert.equal(await client.resumeChat({ ...chat.position!, after: 0 }).text(), answer);
    assert.equal(await client.resumeChat(chat.position!).text(), '');
  });

  it('is cancelled when the loop is left on the page after', async () => {
    const { chat } = await begin('slow', { keep: true });
    reload();
    const finished = requestFinished();
    for await (const _chunk of client.resumeChat(chat.position!)) break;
    await finished;
    assert.equal(await codeOf(client.resumeChat(chat.position!)), 'CHAT_NOT_FOUND');
  });

  it('ends with the page that did not ask to keep it, or closed its client', async () => {
    for (const leave of [reload, () => client.close()]) {
      const { chat } = await begin('slow', leave === reload ? {} : { keep: true });
      const finished = requestFinished();
      leave();
      await finished;
      client = connect(proxy.url);
      assert.equal(await codeOf(client.resumeChat(chat.position!)), 'CHAT_NOT_FOUND');
    }
  });

  it('is taken from a page that still reads it', async () => {
    const chat = client.chat({ model: 'tiny', messages }, { keep: true });
    const first = codeOf(chat);
    while (chat.position === undefined) await new Promise(setImmediate);
    const other = connect(testServer.url);
    assert.equal(await other.resumeChat({ ...chat.position, after: 0 }).text(), answer);
    assert.equal(await first, 'CONFLICT');
    other.close();
  });

  it('fails with the error of the server when the position is wrong', async () => {
    const { position } = (await begin('tiny', { keep: true })).chat;
    assert.equal(await codeOf(client.resumeChat({ chat: 'unknown', after: 0 })), 'CHAT_NOT_FOUND');
    assert.equal(await codeOf(client.resumeChat({ ...position!, after: 1000 })), 'REQUEST_INVALID');
  });
});
