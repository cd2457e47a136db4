// Frames of plugins, which the client does not know.
import assert from 'node:assert/strict';
import { connect, type LaminaClient, type LaminaClientError } from '@lamina/client';
import type { Plugin } from '@lamina/core';
import type { HttpExtension } from '@lamina/server-koa';
import { watchForLeaks } from '@lamina/testing';
import { TcpProxy } from './support/tcp-proxy.js';
import { startTestServer, type TestServer } from './support/test-server.js';

const schema = { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] };
let aborted = 0;

async function* wordsOf({ text }: { text: string }, signal: AbortSignal): AsyncGenerator<object> {
  signal.addEventListener('abort', () => aborted++);
  for (const word of text.split(' ')) yield await Promise.resolve({ word });
  if (text.endsWith('…')) await new Promise(() => undefined);
}

const http: HttpExtension = {
  frames: {
    'text.upper': { schema, scope: 'any', run: (frame) => ({ text: (frame as { text: string }).text.toUpperCase() }) },
    'text.words': { schema, scope: 'any', run: (frame, { signal }) => wordsOf(frame as { text: string }, signal) },
  },
};
const plugin: Plugin = { name: 'text', setup: (lamina) => lamina.extend('http', http) };

describe('frames of plugins', () => {
  let testServer: TestServer;
  let proxy: TcpProxy;
  let client: LaminaClient;
  let noLeaks: () => Promise<void>;

  before(async () => {
    noLeaks = await watchForLeaks();
    testServer = await startTestServer({ models: {}, plugins: [plugin] });
    proxy = await TcpProxy.open(testServer.url);
  });
  after(async () => {
    await proxy.close();
    await testServer.close();
    await noLeaks();
  });
  beforeEach(() => (client = connect(proxy.url)));
  afterEach(() => client.close());

  /** The code of the error that reading ends with. */
  const codeOf = async (parts: AsyncIterable<unknown>): Promise<string> => {
    try {
      for await (const _part of parts);
      return 'none';
    } catch (error) {
      return (error as LaminaClientError).code;
    }
  };

  it('return their result', async () => {
    // #region call
    const { text } = await client.call({ type: 'text.upper', text: 'hello' });
    // #endregion
    assert.equal(text, 'HELLO');
    await assert.rejects(client.call({ type: 'text.upper' }), { code: 'REQUEST_INVALID' });
  });

  it('return their result in parts', async () => {
    const words: unknown[] = [];
    // #region stream
    for await (const { word } of client.stream({ type: 'text.words', text: 'one two three' })) words.push(word);
    // #endregion
    assert.deepEqual(words, ['one', 'two', 'three']);
    assert.equal(await codeOf(client.stream({ type: 'text.words' })), 'REQUEST_INVALID');
  });

  it('end when their reader leaves, aborts or loses the connection', async () => {
    const endless = { type: 'text.words', text: 'one …' };
    for await (const _part of client.stream(endless)) break;
    const controller = new AbortController();
    const given = client.stream(endless, { signal: controller.signal });
    await given.next();
    controller.abort();
    assert.equal(await codeOf(given), 'ABORTED');
    const lost = client.stream(endless);
    await lost.next();
    proxy.cut();
    assert.equal(await codeOf(lost), 'CONNECTION_LOST');
    while (aborted < 3) await new Promise((resolve) => setImmediate(resolve));
  });
});
