// Frames with one reply: the same documents as the routes of REST, with the same scopes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { InferenceRequest, Plugin } from '@lamina/core';
import { watchForLeaks } from '@lamina/testing';
import type { ClientFrame, PsView } from '@lamina/core/protocol';
import { TestSocket } from './support/socket.js';
import { startTestServer, until, type TestServer } from './support/test-server.js';

describe('a call over a WebSocket', () => {
  const apiKeys = [{ key: 'chats', name: 'chats', scope: 'inference' as const }, { key: 'all' }];
  /** The inference requests that a hook saw. */
  const seen: InferenceRequest[] = [];
  const watcher: Plugin = {
    name: 'watcher',
    setup: (lamina) =>
      lamina.hooks.beforeRequest.tap((request) => {
        seen.push(request);
        return undefined;
      }),
  };
  let files: Server;
  let testServer: TestServer;
  let all: TestSocket;
  let chats: TestSocket;
  let noLeaks: () => Promise<void>;

  before(async () => {
    noLeaks = await watchForLeaks();
    // A file of which only the first byte can be had.
    files = createServer((request, response) => {
      const probe = request.headers.range === 'bytes=0-0';
      response.writeHead(probe ? 206 : 200, {
        'content-length': probe ? 1 : 10,
        ...(probe ? { 'content-range': 'bytes 0-0/10' } : {}),
      });
      if (probe) response.end('a');
      else response.flushHeaders();
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    const url = `http://127.0.0.1:${(files.address() as AddressInfo).port}/far.fake`;
    testServer = await startTestServer({
      models: { tiny: {}, angry: { status: 418 }, slow: { load_ms: 600_000 } },
      plugins: [watcher],
      entries: { far: { path: 'far.fake', backend: 'fake', download: { url } } },
      server: { apiKeys },
    });
    [all, chats] = (await Promise.all(
      ['all', 'chats'].map((key) => TestSocket.open(testServer.url, { headers: { authorization: `Bearer ${key}` } })),
    )) as [TestSocket, TestSocket];
  });

  after(async () => {
    await testServer.close();
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
    await noLeaks();
  });

  const rest = async (path: string, key: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    return (await (await fetch(testServer.url + path, { headers, ...init })).json()) as object;
  };

  let count = 0;
  const send = (socket: TestSocket, frame: Record<string, unknown>, id = `call ${(count += 1)}`): string => {
    socket.send({ id, ...frame } as unknown as ClientFrame);
    return id;
  };
  const reply = async (socket: TestSocket, frame: Record<string, unknown>): Promise<object> => {
    const id = send(socket, frame);
    return (await socket.next('reply', (one) => one.id === id)).result;
  };
  const refusal = async (socket: TestSocket, frame: Record<string, unknown>) => {
    const id = send(socket, frame);
    return (await socket.next('error', (one) => one.id === id)).error;
  };

  it('returns what REST returns, to each key what it may see', async () => {
    const ask = { use_case: 'chat' };
    const pairs: [Record<string, unknown>, string, RequestInit?][] = [
      [{ type: 'model.list' }, '/models'],
      [
        { type: 'model.list', q: 'tin', state: 'stopped', format: 'unknown' },
        '/models?q=tin&state=stopped&format=unknown',
      ],
      [{ type: 'model.get', model: 'tiny' }, '/models/tiny'],
      [{ type: 'model.suggest', request: ask }, '/suggest', { method: 'POST', body: JSON.stringify(ask) }],
      [{ type: 'download.list' }, '/downloads'],
    ];
    for (const [socket, key] of [[all, 'all'] as const, [chats, 'chats'] as const])
      for (const [frame, path, init] of pairs) {
        const expected = await rest(path, key, init);
        assert.deepEqual(await reply(socket, frame), expected, `${key}: ${path}`);
      }
    // What is free changes all the time.
    const [here, there] = (await Promise.all([reply(all, { type: 'model.ps' }), rest('/ps', 'all')])) as [
      PsView,
      PsView,
    ];
    assert.deepEqual([here.models, Object.keys(here.resources)], [there.models, Object.keys(there.resources)]);
    assert.equal((await refusal(all, { type: 'model.list', state: 'asleep' })).code, 'REQUEST_INVALID');
    assert.equal((await refusal(all, { type: 'model.get', model: 'tinny' })).code, 'MODEL_NOT_FOUND');
    assert.equal((await refusal(all, { type: 'model.suggest', request: { max_size: [] } })).code, 'REQUEST_INVALID');
  });

  it('pauses, resumes and cancels downloads, with the scope manage', async () => {
    const { id } = (await reply(all, { type: 'download.start', request: { model: 'far' } })) as { id: string };
    const change = (verb: string) => reply(all, { type: `download.${verb}`, download: id });
    assert.equal(((await change('pause')) as { state: string }).state, 'paused');
    assert.deepEqual(await reply(chats, { type: 'download.list' }), await rest('/downloads', 'chats'));
    assert.match(((await change('resume')) as { state: string }).state, /queued|active/);
    assert.equal(((await change('cancel')) as { state: string }).state, 'cancelled');
    for (const verb of ['pause', 'resume', 'cancel']) {
      const { message } = await refusal(chats, { type: `download.${verb}`, download: id });
      assert.match(message, new RegExp(`The frame "download\\.${verb}" needs a key with the scope "manage"`));
    }
    assert.equal((await refusal(all, { type: 'download.pause', download: 'x' })).code, 'DOWNLOAD_NOT_FOUND');
  });

  it('embeds texts as REST does, through hooks, and reports the refusal of an engine', async () => {
    const request = { model: 'tiny', input: ['one', 'two'] };
    const expected = await rest('/v1/embeddings', 'chats', { method: 'POST', body: JSON.stringify(request) });
    seen.length = 0;
    assert.deepEqual(await reply(chats, { type: 'embeddings.create', request }), expected);
    assert.deepEqual(
      seen.map(({ route, caller }) => [route, caller.name, caller.via]),
      [['embeddings', 'chats', 'websocket']],
    );
    const none = await refusal(chats, { type: 'embeddings.create', request: { ...request, model: 'tinny' } });
    assert.equal(none.code, 'MODEL_NOT_FOUND');
    const refused = await refusal(chats, { type: 'embeddings.create', request: { ...request, model: 'angry' } });
    assert.match(refused.message, /Told to answer 418/);
    assert.equal(
      (await refusal(chats, { type: 'embeddings.create', request: { model: 'tiny' } })).code,
      'REQUEST_INVALID',
    );
  });

  it('ends with ABORTED when it is cancelled, and its id is free then', async () => {
    const id = send(all, { type: 'model.start', model: 'slow' });
    await until('it starts', () => testServer.lamina.runtime.slot('slow').state === 'starting');
    all.send({ type: 'chat.cancel', id }); // It is no chat.
    all.send({ type: 'call.cancel', id });
    assert.equal((await all.next('error', (one) => one.id === id)).error.code, 'ABORTED');
    all.send({ type: 'call.cancel', id }); // No effect, and no reply.
    send(all, { type: 'download.list' }, id);
    await all.next('reply', (one) => one.id === id);
    assert.equal(all.of(id).length, 2);
  });
});
