// Lamina servers that name each other as remotes for one model: the request ends with an error.
import assert from 'node:assert/strict';
import { watchForLeaks } from '@lamina/testing';
import { attached, chat, errorOf, startTestServer, until, type TestServer } from './support/test-server.js';
import { openRemote, remotePlugin, type Remote } from './support/remote.js';
import { TestSocket } from './support/socket.js';

describe('a request', () => {
  const open: { close(): Promise<void> }[] = [];
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  afterEach(async () => {
    for (const thing of open.splice(0).reverse()) await thing.close();
  });

  const opened = <Thing extends { close(): Promise<void> }>(thing: Thing): Thing => (open.push(thing), thing);

  /** A server whose model `x` is at the next one. */
  const serverTo = async (next: string): Promise<TestServer> => {
    const manifest = {
      backends: { next: { type: 'remote', base_url: `${next}/v1` } },
      models: { x: { backend: 'next' } },
    };
    return opened(await startTestServer({ lamina: { manifest } }));
  };

  const remote = async (...parameters: Parameters<typeof openRemote>): Promise<Remote> =>
    opened(await openRemote(...parameters));

  /** Two servers, each of which has the other for a remote. */
  const circle = async (): Promise<[TestServer, TestServer]> => {
    const houses: TestServer[] = [];
    const toSecond = remotePlugin(() => ({ baseUrl: `${houses[1]!.url}/v1` }));
    houses.push(opened(await startTestServer({ models: {}, entries: { x: attached }, plugins: [toSecond] })));
    houses.push(await serverTo(houses[0]!.url));
    return houses as [TestServer, TestServer];
  };

  it('that comes back to a server gets 508, and passes each server once', async () => {
    const [first, second] = await circle();
    const asked: string[] = [];
    first.server.http.on('request', ({ method, url }) => method === 'POST' && asked.push(`first ${url}`));
    second.server.http.on('request', ({ method, url }) => method === 'POST' && asked.push(`second ${url}`));
    const answer = await first.post('/v1/chat/completions', chat('x'));
    assert.equal(answer.status, 508);
    const { code, message } = await errorOf(answer);
    assert.equal(code, 'REQUEST_LOOP');
    assert.match(message, /Request loop for model "x": it came back to this server\. Correct the base_url/);
    assert.deepEqual(asked, [
      'first /v1/chat/completions',
      'second /v1/chat/completions',
      'first /v1/chat/completions',
    ]);
    assert.deepEqual(
      [first, second].map(({ lamina }) => lamina.runtime.slot('x').busy),
      [0, 0],
    );
  });

  it('on another route, or over a WebSocket, is refused as well', async () => {
    const [first, second] = await circle();
    const answers = [
      await first.post('/chat/x', chat('x')),
      await second.post('/v1/embeddings', { model: 'x', input: 'hi' }),
      await first.post('/v1/tokenize', { model: 'x', prompt: 'hi' }),
    ];
    for (const answer of answers)
      assert.deepEqual([answer.status, (await errorOf(answer)).code], [508, 'REQUEST_LOOP']);
    const socket = await TestSocket.open(first.url);
    const { last } = await socket.chat('a', 'x');
    assert.equal(last.type === 'chat.error' && last.error.code, 'REQUEST_LOOP');
    await socket.close();
  });

  it('passes four servers and not a fifth', async () => {
    const seen: (string | string[] | undefined)[] = [];
    const engine = await remote((request, response) => {
      if (request.method === 'POST') seen.push(request.headers['lamina-via']);
      request.resume();
      response.end('{"data":[]}');
    });
    let last = engine.url;
    const houses: TestServer[] = [];
    for (let count = 0; count < 5; count++) {
      houses.push(await serverTo(last));
      last = houses.at(-1)!.url;
    }
    assert.equal((await houses[3]!.post('/v1/chat/completions', chat('x'))).status, 200);
    assert.match(String(seen[0]), /^[\da-f]{8}(, [\da-f]{8}){3}$/);
    assert.deepEqual([...new Set(String(seen[0]).split(', '))].length, 4);
    const answer = await houses[4]!.post('/v1/chat/completions', chat('x'));
    assert.equal(answer.status, 508);
    assert.match((await errorOf(answer)).message, /it passed 4 Lamina servers, the limit/);
    assert.equal(seen.length, 1);
  });

  it('with an invalid header passes, unless it is longer than four ids', async () => {
    const engine = await remote((_, response) => response.end('{"data":[]}'));
    const { post } = await serverTo(engine.url);
    const statusWith = async (via: string): Promise<number> =>
      (await post('/v1/chat/completions', chat('x'), { headers: { 'lamina-via': via } })).status;
    assert.deepEqual(
      [
        await statusWith(''),
        await statusWith('a b, ;'),
        await statusWith('x'.repeat(5000)),
        await statusWith('a,b,c,d'),
      ],
      [200, 200, 508, 508],
    );
  });

  it('that its client cancels ends on every server that it has passed', async () => {
    let isOpen = false;
    const engine = await remote((request, response) => {
      if (request.method !== 'POST') return void response.end('{"data":[]}');
      request.resume();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {}\n\n');
      isOpen = true;
      response.once('close', () => (isOpen = false));
    });
    const inner = await serverTo(engine.url);
    const outer = await serverTo(inner.url);
    const leaving = new AbortController();
    await outer.post('/v1/chat/completions', chat('x', 'hi', { stream: true }), { signal: leaving.signal });
    assert.equal(isOpen, true);
    leaving.abort();
    await until('the engine is free', () => !isOpen);
    await until('both leases are back', () =>
      [inner, outer].every(({ lamina }) => lamina.runtime.slot('x').busy === 0),
    );
  });
});
