// Clients that do not read, do not answer, send too much, or send invalid frames.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { watchForLeaks } from '@lamina/testing';
import type { EventBus } from '../../core/dist/kernel/event-bus.js';
import { startTestServer, until, type TestServer, type TestServerOptions } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

describe('a WebSocket whose client misbehaves', () => {
  let testServer: TestServer;
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  afterEach(() => testServer.close());

  const connect = async (options: TestServerOptions = {}) => {
    testServer = await startTestServer(options);
    return TestSocket.open(testServer.url);
  };

  it('and does not read slows only its own engine', async function () {
    this.timeout(40_000);
    const reader = await connect({ models: { big: { chunk_bytes: 64 * 1024 }, tiny: { chunks: 20, chunk_ms: 1 } } });
    await reader.chat('warm');
    const stuck = await TestSocket.open(testServer.url);
    stuck.start('a', 'big', '/count');
    await stuck.next('chat.chunk');
    stuck.ws.pause();
    // The engine has nothing more to do once every buffer on the way is full.
    let seen = -1;
    await until('the engine waits', async () => {
      const before = seen;
      seen = generated(testServer);
      if (seen !== before) await reader.chat(`r${seen}`);
      return seen === before;
    });
    assert.equal((await reader.chat('b')).last.type, 'chat.done');
    stuck.ws.resume();
    const reached = generated(testServer);
    await until('it goes on', () => generated(testServer) > reached);
    stuck.send({ type: 'chat.cancel', id: 'a' });
    await stuck.ended('a');
    const numbers = stuck.of('a').flatMap((frame) => (frame.type === 'chat.chunk' ? [frame.seq] : []));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
  });

  it('and does not read learns its place in a queue when it reads again', async function () {
    this.timeout(40_000);
    const blocker = await connect({
      models: { big: { chunk_bytes: 64 * 1024 }, tiny: { parallel: 1, chunk_ms: 5 } },
    });
    blocker.start('first', 'tiny', '/count');
    await blocker.next('chat.chunk');
    const stuck = await TestSocket.open(testServer.url);
    stuck.start('a', 'big', '/count');
    await stuck.next('chat.chunk');
    stuck.ws.pause();
    await until('nothing more is sent', async () => {
      const before = generated(testServer);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return before === generated(testServer);
    });
    stuck.start('second', 'tiny');
    await until('it waits', () => testServer.lamina.runtime.slot('tiny').waiting === 1);
    stuck.send({ type: 'chat.cancel', id: 'a' });
    stuck.ws.resume();
    await stuck.next('chat.queued', ({ id, position }) => id === 'second' && position === 1);
    blocker.send({ type: 'chat.cancel', id: 'first' });
    assert.equal((await stuck.ended('second')).last.type, 'chat.done');
  });

  it('and does not read events gets the kept ones later, or a reset', async () => {
    const socket = await connect();
    const emit = (model: string) => (testServer.lamina.events as EventBus).emit('model.updated', { model });
    socket.send({ type: 'events.subscribe', id: 's', types: ['model.updated'] });
    await socket.next('reply');
    socket.ws.pause();
    const filler = 'x'.repeat(20_000);
    const before = process.memoryUsage().arrayBuffers;
    for (let count = 0; count < 3000; count++) {
      emit(`${count} ${filler}`);
      if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(process.memoryUsage().arrayBuffers - before < 40_000_000, 'what was not read was kept');
    socket.ws.resume();
    emit('last');
    await socket.next('reset');
    emit('after');
    await socket.next('event', ({ event }) => (event as unknown as { model: string }).model === 'after');
  });

  it('and sends without reading is not read from either', async function () {
    this.timeout(60_000);
    const socket = await connect();
    socket.ws.pause();
    const ping = JSON.stringify({ type: 'ping', id: 'x'.repeat(128) });
    for (let count = 0; count < 200_000; count++) socket.ws.send(ping);
    // Its own buffer stays full, for nobody takes it.
    const began = process.hrtime.bigint();
    await until('the server has stopped reading', async () => {
      const before = socket.ws.bufferedAmount;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return before === socket.ws.bufferedAmount || process.hrtime.bigint() - began > 4_000_000_000n;
    });
    assert.ok(socket.ws.bufferedAmount > 0, 'everything was read');
    const other = await TestSocket.open(testServer.url);
    assert.equal((await other.chat('a')).last.type, 'chat.done');
    socket.ws.resume();
    socket.send({ type: 'ping', id: 'last' });
    await socket.next('pong', ({ id }) => id === 'last');
    assert.equal(socket.frames.filter(({ type }) => type === 'pong').length, 200_001);
  });

  it('and does not answer pings is closed; one that does stays open', async () => {
    const socket = await connect({ server: { heartbeatInterval: 0.05 }, models: { tiny: { chunk_ms: 1 } } });
    const dead = await TestSocket.open(testServer.url, { autoPong: false });
    let pings = 0;
    socket.ws.on('ping', () => (pings += 1));
    await dead.closed;
    await until('it was asked some times', () => pings >= 4);
    assert.equal(socket.ws.readyState, socket.ws.OPEN);
  });

  it('and sends a frame over the limit gets an error, over twice the limit a close with 1009', async () => {
    const socket = await connect({ server: { bodyLimit: 10_000 } });
    socket.ws.send(`"${'x'.repeat(10_000)}"`);
    assert.equal((await socket.next('error')).error.code, 'BODY_TOO_LARGE');
    assert.equal((await socket.chat('a')).last.type, 'chat.done');
    socket.ws.send('x'.repeat(20_001));
    assert.equal(await socket.closed, 1009);
  });

  it('and sends an invalid frame gets an error that describes the problem', async () => {
    const socket = await connect();
    const answers: [string | Buffer, RegExp, string | undefined][] = [
      ['{', /is not JSON/, undefined],
      ['[]', /JSON object/, undefined],
      ['"x"', /JSON object/, undefined],
      ['{}', /must have a "type"/, undefined],
      ['{"type":"chat.strat","id":"a"}', /did you mean "chat\.start"/, 'a'],
      ['{"type":"__proto__","id":"a"}', /Unknown frame type/, 'a'],
      ['{"type":"ping"}', /lacks "id"/, undefined],
      ['{"type":"ping","id":""}', /"id"/, undefined],
      ['{"type":"ping","id":7}', /"id"/, undefined],
      [`{"type":"ping","id":"${'x'.repeat(129)}"}`, /"id"/, undefined],
      ['{"type":"ping","id":"b","extra":1}', /extra/, 'b'],
      ['{"type":"chat.start","id":"c"}', /lacks "request"/, 'c'],
      ['{"type":"chat.start","id":"d","request":{"model":"tiny","messages":"hi"}}', /request\.messages/, 'd'],
      [
        '{"type":"chat.start","id":"f","request":{"model":"tiny","messages":[]}}',
        /messages" must NOT have fewer than 1/,
        'f',
      ],
      [Buffer.from('{"type":"ping","id":"e"}'), /binary/, undefined],
    ];
    for (const [text, pattern, id] of answers) {
      const before = socket.frames.length;
      socket.ws.send(text);
      await until('it is answered', () => socket.frames.length > before);
      const frame = socket.frames[before]!;
      assert.equal(frame.type, 'error', String(text));
      assert.equal(frame.type === 'error' && frame.error.code, 'REQUEST_INVALID');
      assert.match(frame.type === 'error' ? frame.error.message : '', pattern, String(text));
      assert.equal('id' in frame ? frame.id : undefined, id, String(text));
    }
    assert.equal((await socket.chat('a')).last.type, 'chat.done');
  });

  it('and sends text that is not UTF-8 is closed with 1007', async () => {
    const socket = await connect();
    const underneath = (socket.ws as unknown as { _socket: Socket })._socket;
    underneath.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff]));
    assert.equal(await socket.closed, 1007);
    assert.equal((await fetch(`${testServer.url}/health`)).status, 200);
  });
});

/** How many bytes the engine has written so far, as the system counts them. */
function generated(testServer: TestServer): number {
  const { pid } = testServer.lamina.runtime.slot('big');
  return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}
