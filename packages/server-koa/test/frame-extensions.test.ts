// Frames of plugins: their checks, their replies and parts, and how they end.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { LaminaError, type Plugin } from '@lamina/core';
import type { ClientFrame } from '@lamina/core/protocol';
import { createTestLamina, watchForLeaks } from '@lamina/testing';
import { attachWebSocket, type FrameExtension } from '@lamina/server-koa';
import { TestSocket } from './support/socket.js';
import { startTestServer, until, type TestServer } from './support/test-server.js';

describe('frames of plugins', () => {
  const apiKeys = [
    { key: 'chats', scope: 'inference' as const },
    { key: 'all', name: 'desk' },
  ];
  const text = {
    type: 'object',
    properties: { text: { type: 'string' } },
    required: ['text'],
    additionalProperties: false,
  };
  const anything = { type: 'object' };
  /** Emits `aborted` and `left` when a frame ends. */
  const ends = new EventEmitter();
  let sent = 0;
  let testServer: TestServer;
  let all: TestSocket;
  let chats: TestSocket;
  let noLeaks: () => Promise<void>;

  async function* count(to: number): AsyncGenerator<object, object> {
    for (let number = 1; number <= to; number++) yield await Promise.resolve({ number });
    return { total: to };
  }

  async function* endless(signal: AbortSignal): AsyncGenerator<object> {
    signal.addEventListener('abort', () => ends.emit('aborted', signal.reason));
    try {
      for (;;) {
        sent += 1;
        yield { text: 'x'.repeat(64 * 1024) };
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      ends.emit('left');
    }
  }

  const frames: Record<string, FrameExtension> = {
    'notes.add': {
      schema: text,
      scope: 'manage',
      run: (frame, { caller }) => ({ ...frame, by: caller.name, via: caller.via }),
    },
    'notes.read': { schema: anything, scope: 'any', run: () => Promise.resolve({ file: '/srv/notes/today.txt' }) },
    'notes.count': { schema: anything, scope: 'inference', run: (frame) => count((frame as { to: number }).to) },
    'notes.endless': { schema: anything, scope: 'inference', run: (_, { signal }) => endless(signal) },
    'notes.stuck': {
      schema: anything,
      scope: 'inference',
      run: (_, { signal }) => {
        signal.addEventListener('abort', () => ends.emit('aborted', signal.reason));
        return new Promise(() => undefined);
      },
    },
    'notes.nothing': { schema: anything, scope: 'any', run: () => undefined as never },
    'notes.text': { schema: anything, scope: 'any', run: () => 'a text' as never },
    'notes.refuse': {
      schema: anything,
      scope: 'any',
      run() {
        throw new LaminaError('RATE_LIMITED', { message: 'Not so fast.' });
      },
    },
    'notes.break': { schema: anything, scope: 'any', run: () => Promise.reject(new RangeError('a secret')) },
    'notes.start': {
      schema: anything,
      scope: 'any',
      run: async (_, { lamina }) => ({ slot: await lamina.runtime.start('tiny') }),
    },
    'notes.download': {
      schema: anything,
      scope: 'any',
      run: (frame, { lamina }) => lamina.downloads.start({ reference: (frame as { url: string }).url }),
    },
  };
  const notes: Plugin = { name: 'notes', setup: (lamina) => lamina.extend('http', { frames }) };

  before(async () => {
    noLeaks = await watchForLeaks();
    testServer = await startTestServer({ plugins: [notes], server: { apiKeys } });
    [all, chats] = (await Promise.all(['all', 'chats'].map(connect))) as [TestSocket, TestSocket];
  });

  after(async () => {
    await testServer.close();
    await noLeaks();
  });

  const connect = (key: string) => TestSocket.open(testServer.url, { headers: { authorization: `Bearer ${key}` } });

  let calls = 0;
  const send = (socket: TestSocket, type: string, fields: object = {}): string => {
    const id = `call ${(calls += 1)}`;
    socket.send({ type, id, ...fields } as unknown as ClientFrame);
    return id;
  };
  const reply = async (socket: TestSocket, type: string, fields: object = {}): Promise<object> => {
    const id = send(socket, type, fields);
    return (await socket.next('reply', (frame) => frame.id === id)).result;
  };
  const refusal = async (socket: TestSocket, type: string, fields: object = {}) => {
    const id = send(socket, type, fields);
    return (await socket.next('error', (frame) => frame.id === id)).error;
  };

  it('get what their schema accepts from keys with their scope, and reply to each what it may see', async () => {
    const added = (await reply(all, 'notes.add', { text: 'hi' })) as Record<string, unknown>;
    assert.deepEqual(
      [added['type'], added['text'], added['by'], added['via']],
      ['notes.add', 'hi', 'desk', 'websocket'],
    );
    assert.deepEqual(await reply(all, 'notes.read'), { file: '/srv/notes/today.txt' });
    assert.deepEqual(await reply(chats, 'notes.read'), { file: '/srv/notes/today.txt' });
    assert.deepEqual(await reply(all, 'notes.nothing'), {});
    assert.match((await refusal(all, 'notes.add')).message, /The frame "notes\.add" is invalid: lacks "text"/);
    assert.match((await refusal(all, 'notes.add', { text: 1 })).message, /"text" must be string/);
    assert.match((await refusal(all, 'notes.add', { text: '', more: 1 })).message, /"more" is not known here/);
    assert.match((await refusal(all, 'notes.ad')).message, /Unknown frame type "notes\.ad"; did you mean "notes\.add"/);
    const { code, message } = await refusal(chats, 'notes.add', { text: 'hi' });
    assert.equal(code, 'FORBIDDEN');
    assert.match(message, /The frame "notes\.add" needs a key with the scope "manage"/);
    assert.equal((await TestSocket.rejection(testServer.url)).code, 4401);
  });

  it('do no more than the key of the client allows', async () => {
    assert.equal((await refusal(chats, 'notes.start')).code, 'FORBIDDEN');
    const files = createServer((_, response) => response.end('secret')).listen(0, '127.0.0.1');
    await once(files, 'listening');
    const { port } = files.address() as { port: number };
    const url = `http://127.0.0.1:${port}/x.gguf`;
    assert.equal((await refusal(chats, 'notes.download', { url })).code, 'FORBIDDEN');
    assert.match((await refusal(all, 'notes.download', { url })).message, /private|not public|address/);
    files.close();
    await once(files, 'close');
  });

  it('send the parts of an iterable and then what it returns', async () => {
    const id = send(chats, 'notes.count', { to: 3 });
    await chats.next('reply', (frame) => frame.id === id);
    assert.deepEqual(chats.of(id), [
      { type: 'part', id, seq: 1, part: { number: 1 } },
      { type: 'part', id, seq: 2, part: { number: 2 } },
      { type: 'part', id, seq: 3, part: { number: 3 } },
      { type: 'reply', id, result: { total: 3 } },
    ]);
  });

  it('report errors like other frames, and no more of an unexpected one than that', async () => {
    assert.deepEqual((await refusal(all, 'notes.refuse')).code, 'RATE_LIMITED');
    const broken = await refusal(all, 'notes.break');
    assert.equal(broken.code, 'INTERNAL');
    assert.doesNotMatch(JSON.stringify(broken), /secret/);
    const wrong = await refusal(all, 'notes.text');
    assert.equal(wrong.code, 'PLUGIN_FAILED');
    assert.match(
      wrong.message,
      /Plugin "notes" failed in the frame notes\.text: it returned a string, not an object\./,
    );
  });

  it('are ended by call.cancel, also while they wait for something else', async () => {
    for (const type of ['notes.endless', 'notes.stuck']) {
      const aborted = once(ends, 'aborted') as Promise<[LaminaError]>;
      const left = type === 'notes.endless' ? once(ends, 'left') : undefined;
      const id = send(chats, type);
      if (left !== undefined) await chats.next('part', (frame) => frame.id === id);
      chats.send({ type: 'call.cancel', id });
      assert.equal((await chats.next('error', (frame) => frame.id === id)).error.code, 'ABORTED');
      assert.equal((await aborted)[0].code, 'ABORTED');
      await left;
    }
  });

  it('wait for a client that does not read, and end with its connection', async () => {
    const stuck = await connect('chats');
    const id = send(stuck, 'notes.endless');
    await stuck.next('part', (frame) => frame.id === id);
    stuck.ws.pause();
    let seen = 0;
    await until('it waits', async () => {
      const before = seen;
      seen = sent;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return seen === before;
    });
    const ended = Promise.all([once(ends, 'aborted'), once(ends, 'left')]);
    stuck.ws.terminate();
    await ended;
  });

  it('stop the start when they could be mistaken for others', async () => {
    const frame: FrameExtension = { schema: anything, scope: 'any', run: () => ({}) };
    const wrong: [string, Record<string, FrameExtension>[], RegExp][] = [
      ['chat', [{ 'chat.translate': frame }], /"chat\.translate" begins like frames of Lamina/],
      ['call', [{ 'call.later': frame }], /"call\.later" begins like frames of Lamina/],
      ['notes', [{ 'model.start': frame }], /"model\.start" is not named like "notes\.add"/],
      ['notes', [{ 'notes.add': frame }, { 'notes.add': frame }], /"notes\.add" is a frame of it twice/],
    ];
    for (const [name, extensions, pattern] of wrong) {
      const setup: Plugin['setup'] = (lamina) => extensions.forEach((one) => lamina.extend('http', { frames: one }));
      const lamina = await createTestLamina({ plugins: [{ name, setup }] });
      assert.throws(
        () => attachWebSocket(createServer(), lamina),
        (error) => LaminaError.is(error, 'PLUGIN_INVALID') && pattern.test(error.message),
        name,
      );
      await lamina.close();
    }
  });

  it('are served by attachWebSocket too', async () => {
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    const handle = attachWebSocket(http, testServer.lamina, { apiKeys });
    const { port } = http.address() as { port: number };
    const socket = await TestSocket.open(`http://127.0.0.1:${port}`, { headers: { authorization: 'Bearer all' } });
    assert.deepEqual(await reply(socket, 'notes.read'), { file: '/srv/notes/today.txt' });
    await handle.close();
    http.close();
    await once(http, 'close');
  });
});
