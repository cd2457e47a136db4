// GET /models/:name/logs and the frame model.logs: what the engine of a model printed, last and live.
import assert from 'node:assert/strict';
import type { EngineLogLineView, EngineLogView } from '@lamina/core/protocol';
import { chat, startTestServer, type TestServer } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

const manager = { authorization: 'Bearer manager-key-1' };
const guest = { authorization: 'Bearer guest-key-1' };

describe('the log of an engine', function () {
  this.timeout(30_000);
  let testServer: TestServer;

  beforeEach(async () => {
    testServer = await startTestServer({
      models: { tiny: { stderr: ['one', 'two', 'three'] } },
      server: { apiKeys: [{ key: 'manager-key-1' }, { key: 'guest-key-1', scope: 'inference' }] },
    });
  });
  afterEach(() => testServer.close());

  const get = (path: string, headers: Record<string, string> = manager, init: RequestInit = {}) =>
    fetch(testServer.url + path, { headers, ...init });
  const linesOf = async (query = '') => {
    const answer = await get(`/models/tiny/logs${query}`);
    assert.equal(answer.status, 200);
    return ((await answer.json()) as EngineLogView).lines;
  };
  const ask = async () => void (await testServer.post('/v1/chat/completions', chat('tiny', 'hi'), { headers: guest }));

  it('has the lines that it printed, with a note of its start, numbered from 1', async () => {
    assert.deepEqual(await linesOf(), []);
    await ask();
    const lines = await linesOf();
    assert.deepEqual(
      lines.map(({ number }) => number),
      lines.map((_, index) => index + 1),
    );
    assert.equal(lines[0]?.stream, 'lamina');
    const printed = lines.filter(({ stream }) => stream === 'stderr').map(({ text }) => text);
    for (const text of ['one', 'two', 'three']) assert.ok(printed.includes(text), text);
  });

  it('has the newest lines, or those after a number', async () => {
    await ask();
    const all = await linesOf();
    assert.deepEqual(await linesOf('?lines=2'), all.slice(-2));
    assert.deepEqual(await linesOf('?after=2'), all.slice(2));
    assert.equal((await get('/models/tiny/logs?lines=many')).status, 400);
  });

  it('is only for keys with the scope manage, and of models that exist', async () => {
    assert.equal((await get('/models/tiny/logs', guest)).status, 403);
    assert.equal((await get('/models/none/logs')).status, 404);
    assert.equal((await get('/models/none/logs?follow=true')).status, 404);
  });

  it('is sent as server-sent events while the engine prints, and goes on after an id', async () => {
    const leave = new AbortController();
    const answer = await get('/models/tiny/logs?follow=true', manager, { signal: leave.signal });
    assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream/);
    await ask();
    const events = await readEvents(answer, 3);
    leave.abort();
    assert.deepEqual(
      events.map(({ number }) => number),
      [1, 2, 3],
    );
    const again = new AbortController();
    const headers = { ...manager, 'last-event-id': '2' };
    const rest = await get('/models/tiny/logs?follow=true', headers, { signal: again.signal });
    assert.deepEqual(await readEvents(rest, 1), [events[2]]);
    again.abort();
  });

  it('ends for those that follow it when the server closes', async () => {
    const answer = await get('/models/tiny/logs?follow=true');
    await testServer.server.close();
    assert.equal(await answer.text(), ': log of an engine\n\n');
  });

  it('is sent over a WebSocket, as a reply or in parts', async () => {
    await ask();
    const socket = await TestSocket.open(testServer.url, { headers: manager });
    socket.send({ type: 'model.logs', id: 'a', model: 'tiny', limit: 1 });
    const reply = await socket.next('reply', ({ id }) => id === 'a');
    assert.equal((reply.result as unknown as EngineLogView).lines.length, 1);
    socket.send({ type: 'model.logs', id: 'b', model: 'tiny', follow: true });
    const { part } = await socket.next('part', ({ id }) => id === 'b');
    assert.equal((part as unknown as EngineLogLineView).number, 1);
    socket.send({ type: 'call.cancel', id: 'b' });
    const { error } = await socket.next('error', ({ id }) => id === 'b');
    assert.equal(error.code, 'ABORTED');
    await socket.close();
  });
});

/** The first events of a stream. */
async function readEvents(answer: Response, count: number): Promise<readonly EngineLogLineView[]> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of answer.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const events = [...text.matchAll(/^id: (\d+)\ndata: (.*)$/gm)].map(([, id, data]) => {
      const line = JSON.parse(data!) as EngineLogLineView;
      assert.equal(Number(id), line.number);
      return line;
    });
    if (events.length >= count) return events.slice(0, count);
  }
  throw new Error(`the stream ended after ${text}`);
}
