// How the server closes: it accepts nothing new, requests under way finish or are cut, and nothing is left behind.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { watchForLeaks } from '@lamina/testing';
import { chat, startTestServer, until, type TestServer } from './support/test-server.js';
import { dial } from './support/raw.js';
import { readToEnd } from './support/stream.js';

describe('a server that closes', () => {
  let testServer: TestServer;
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  beforeEach(async () => {
    testServer = await startTestServer({
      models: { tiny: { chunk_ms: 5, chunks: 40 } },
      lamina: { limits: { drainTimeout: 1 } },
    });
  });

  afterEach(() => testServer.close());

  it('finishes responses under way, and accepts no new connection', async () => {
    const answer = await testServer.post('/v1/chat/completions', chat('tiny', 'hi', { stream: true }));
    const closed = testServer.server.close();
    await assert.rejects(fetch(`${testServer.url}/health`));
    assert.match(await answer.text(), /\[DONE\]/);
    await closed;
  });

  it('closes idle connections at once', async () => {
    const socket = dial(testServer.url);
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    const gone = once(socket, 'close');
    await testServer.server.close();
    await gone;
    assert.ok(socket.destroyed);
  });

  it('closes when its Lamina has drained; an endless stream gets the reason', async () => {
    const answer = await testServer.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    const reader = answer.body!.getReader();
    await reader.read();
    const rest = readToEnd(reader); // Reads meanwhile: fetch discards what is unread when a connection breaks.
    const closed = testServer.server.close();
    await testServer.lamina.close();
    const { text, broken } = await rest;
    assert.equal(broken, true);
    assert.match(text, /\n\ndata: \{"error".*\n\n$/);
    await closed;
  });

  it('ends requests under way when its signal is aborted', async () => {
    const answer = await testServer.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    await testServer.server.close({ signal: AbortSignal.abort() });
    await assert.rejects(answer.text());
    await until('the lease is back', () => testServer.lamina.runtime.slot('tiny').busy === 0);
  });

  it('responds SHUTTING_DOWN to waiting requests', async () => {
    await testServer.close();
    testServer = await startTestServer({ models: { tiny: { load_ms: 60_000 } } });
    const waiting = testServer.post('/v1/chat/completions', chat('tiny'));
    await until('it starts', () => testServer.lamina.runtime.slot('tiny').state === 'starting');
    const closed = testServer.server.close();
    await testServer.lamina.close({ signal: AbortSignal.abort() });
    const answer = await waiting;
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /SHUTTING_DOWN/);
    await closed;
  });
});
