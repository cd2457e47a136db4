// Chats that outlive their WebSocket: who can resume them, what is sent again, and what ends them.
import assert from 'node:assert/strict';
import { watchForLeaks } from '@lamina/testing';
import type { ServerFrame } from '@lamina/core/protocol';
import type { ServerOptions } from '@lamina/server-koa';
import { numbers, ScriptedEngine, type ScriptedAnswer } from './support/scripted-engine.js';
import { TestSocket } from './support/socket.js';
import { attached, startTestServer, until, type TestServer } from './support/test-server.js';

describe('a chat whose WebSocket was lost or closed', () => {
  const apiKeys = [{ key: 'mine', scope: 'inference' as const }, { key: 'other' }];
  let engine: ScriptedEngine;
  let testServer: TestServer;
  let noLeaks: () => Promise<void>;

  const serve = async (server: ServerOptions = {}): Promise<void> => {
    testServer = await startTestServer({
      models: {},
      entries: { far: attached },
      plugins: [engine.plugin],
      server: { apiKeys, ...server },
    });
  };

  before(async () => {
    noLeaks = await watchForLeaks();
    engine = await ScriptedEngine.open();
    await serve();
  });

  after(async () => {
    await testServer.close();
    await engine.close();
    await noLeaks();
  });

  const connect = (key = 'mine') => TestSocket.open(testServer.url, { headers: { authorization: `Bearer ${key}` } });

  const open = async (options: { keep?: boolean } = {}) => {
    const socket = await connect();
    const request = { model: 'far', messages: [{ role: 'user', content: 'hi' }] };
    socket.send({ type: 'chat.start', id: 'a', request, ...options });
    const { chat } = await socket.next('chat.accepted');
    return { socket, answer: await engine.next(), chat };
  };

  const received = (socket: TestSocket, seq: number) => socket.next('chat.chunk', (frame) => frame.seq === seq);

  /** Loses the connection, and waits until the server has noticed. */
  const lose = async ({ ws, closed }: TestSocket): Promise<void> => {
    ws.terminate();
    await closed;
    // Its end reached the server before this request.
    await (await fetch(`${testServer.url}/health`)).text();
  };

  /** Closes the connection as a client does: with 1000, or 1001 when its page is left. */
  const leave = async ({ ws, closed }: TestSocket, code?: number): Promise<void> => {
    ws.close(code);
    await closed;
  };

  const resume = (socket: TestSocket, chat: string, after: number, id = 'again') => {
    socket.send({ type: 'chat.resume', id, chat, after });
    return socket;
  };

  const sequence = (frames: readonly ServerFrame[]) =>
    frames.flatMap((frame) => (frame.type === 'chat.chunk' ? [frame.seq] : []));

  it('is complete when its client resumes it, however often it is cut', async () => {
    const { socket: first, answer, chat } = await open();
    let socket = first;
    let text = '';
    let last = 0;
    for (let cut = 1; cut <= 10; cut++) {
      answer.write(cut);
      await received(socket, answer.count);
      const chunks = socket.frames.filter((frame) => frame.type === 'chat.chunk');
      text += chunks.map(({ chunk }) => chunk.choices[0]?.delta.content).join('');
      last += chunks.length;
      await lose(socket);
      answer.write(3); // While nobody listens.
      socket = resume(await connect(), chat, last);
      assert.equal((await socket.next('chat.accepted')).chat, chat);
    }
    answer.finish();
    const { text: rest, last: lastFrame, frames } = await socket.ended('again');
    assert.equal(text + rest, numbers(1, answer.count));
    assert.deepEqual(
      sequence(frames),
      Array.from({ length: frames.length - 2 }, (_, index) => last + 1 + index),
    );
    assert.deepEqual(lastFrame, { type: 'chat.done', id: 'again', finish_reason: 'stop' });
    await socket.close();
  });

  it('can be resumed after its end, when its last frames were lost', async () => {
    const { socket, answer, chat } = await open();
    answer.write(2);
    answer.finish();
    assert.equal((await socket.ended('a')).last.type, 'chat.done');
    await lose(socket);
    const again = resume(await connect(), chat, 1);
    assert.deepEqual(sequence((await again.ended('again')).frames), [2, 3]);
    const { frames } = await resume(again, chat, 3, 'twice').ended('twice');
    assert.deepEqual(
      frames.map(({ type }) => type),
      ['chat.accepted', 'chat.done'],
    );
    await again.close();
  });

  it('is taken over while its first connection is still open, which is told so', async () => {
    const { socket, answer, chat } = await open();
    answer.write(2);
    await received(socket, 2);
    const again = resume(await connect(), chat, 1);
    const { last } = await socket.ended('a');
    assert.equal(last.type === 'chat.error' && last.error.message, 'This chat was resumed, and continues there.');
    answer.write(2);
    answer.finish();
    assert.deepEqual(sequence((await again.ended('again')).frames), [2, 3, 4, 5]);
    socket.start('a', 'far');
    await socket.next('chat.accepted', (frame) => frame.chat !== chat);
    (await engine.next()).finish();
    await socket.close();
    await again.close();
  });

  it('is unknown to clients with another key, and continues', async () => {
    const { socket, answer, chat } = await open();
    answer.write();
    await received(socket, 1);
    await lose(socket);
    const other = resume(await connect('other'), chat, 0, 'theirs');
    resume(other, 'no such chat', 0, 'unknown');
    const theirs = await other.next('error', ({ id }) => id === 'theirs');
    const unknown = await other.next('error', ({ id }) => id === 'unknown');
    assert.equal(theirs.error.code, 'CHAT_NOT_FOUND');
    assert.deepEqual(theirs.error, unknown.error);
    const mine = resume(await connect(), chat, 1);
    answer.finish();
    assert.equal((await mine.ended('again')).last.type, 'chat.done');
    await mine.close();
    await other.close();
  });

  it('says which chunks it no longer has, and which it never had', async () => {
    const { socket, answer, chat } = await open();
    answer.write(80, 'x'.repeat(64 * 1024));
    await received(socket, 80);
    await lose(socket);
    const again = resume(await connect(), chat, 0, 'old');
    const { error: old } = await again.next('error', ({ id }) => id === 'old');
    assert.equal(old.code, 'CHUNKS_LOST');
    assert.match(old.message, /after number 0 are no longer kept: the oldest is number (\d+)\./);
    resume(again, chat, 81, 'future');
    const { error: future } = await again.next('error', ({ id }) => id === 'future');
    assert.deepEqual([future.code, future.param], ['REQUEST_INVALID', 'after']);
    assert.match(future.message, /"after" is 81, but the last chunk of this chat is number 80\./);
    const { oldest } = old.details as { oldest: number };
    resume(again, chat, oldest - 1);
    answer.finish();
    assert.equal(sequence((await again.ended('again')).frames)[0], oldest);
    await again.close();
  });

  it('makes its engine wait when nobody reads for long, and loses nothing', async function () {
    this.timeout(60_000);
    const { socket, answer, chat } = await open();
    answer.write();
    await received(socket, 1);
    await lose(socket);
    // More than the buffers of a connection can hold, which are 36 MiB with the usual settings of Linux.
    const all = 1_200;
    const padding = 'x'.repeat(64 * 1024);
    const writeOn = (): void => {
      while (answer.count < all && answer.write(1, padding));
    };
    answer.response.on('drain', writeOn);
    writeOn();
    let seen = 0;
    await until('the engine waits', async () => {
      const before = seen;
      seen = answer.count;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return seen === before;
    });
    assert.ok(answer.count < all, 'everything was kept');
    const again = resume(await connect(), chat, 1);
    await until('the engine has written everything', () => answer.count === all);
    answer.finish();
    const { frames, last } = await again.ended('again');
    assert.equal(last.type, 'chat.done');
    assert.deepEqual(
      sequence(frames),
      Array.from({ length: all }, (_, index) => index + 2),
    );
    await again.close();
  });

  it('is cancelled by its client on the new connection, and cannot be resumed then', async () => {
    const { socket, answer, chat } = await open();
    await lose(socket);
    const again = resume(await connect(), chat, 0);
    await again.next('chat.accepted');
    again.send({ type: 'chat.cancel', id: 'again' });
    const { last } = await again.ended('again');
    assert.equal(last.type === 'chat.error' && last.error.code, 'ABORTED');
    await answer.closed;
    resume(again, chat, 0, 'late');
    assert.equal((await again.next('error', ({ id }) => id === 'late')).error.code, 'CHAT_NOT_FOUND');
    await again.close();
  });

  it('continues after each close of its client when it was started with "keep"', async () => {
    const { socket: first, answer, chat } = await open({ keep: true });
    let socket = first;
    for (const code of [1000, 1001, undefined]) {
      answer.write();
      const last = answer.count;
      await received(socket, last);
      await leave(socket, code);
      answer.write(2); // While nobody listens.
      socket = resume(await connect(), chat, last);
      assert.equal((await socket.next('chat.accepted')).chat, chat);
      await received(socket, answer.count);
      assert.deepEqual(sequence(socket.frames), [last + 1, last + 2]);
    }
    answer.finish();
    assert.equal((await socket.ended('again')).last.type, 'chat.done');
    await socket.close();
  });

  it('ends when its client closed the connection and it was started without "keep"', async () => {
    for (const code of [1000, 1001, undefined]) {
      const { socket, answer, chat } = await open({ keep: false });
      await leave(socket, code);
      await answer.closed;
      const late = resume(await connect(), chat, 0);
      assert.equal((await late.next('error')).error.code, 'CHAT_NOT_FOUND');
      await late.close();
    }
  });

  it('can be resumed when it ended after or just before its client closed the connection', async () => {
    const { socket, answer, chat } = await open({ keep: true });
    await leave(socket, 1001);
    answer.write(2);
    answer.finish();
    await until('it has ended', () => testServer.lamina.runtime.slot('far').busy === 0);
    const second = await connect();
    assert.deepEqual(sequence((await resume(second, chat, 0).ended('again')).frames), [1, 2, 3]);
    await leave(second, 1001);
    const third = await connect();
    assert.deepEqual(sequence((await resume(third, chat, 2).ended('again')).frames), [3]);
    await third.close();
  });

  it('ends when it is cancelled, also when it was started with "keep"', async () => {
    const { socket, answer, chat } = await open({ keep: true });
    socket.send({ type: 'chat.cancel', id: 'a' });
    await leave(socket, 1001);
    await answer.closed;
    const late = resume(await connect(), chat, 0);
    assert.equal((await late.next('error')).error.code, 'CHAT_NOT_FOUND');
    await late.close();
  });

  it('ends when it is the oldest of too many of its key', async () => {
    const { socket, answer } = await open();
    await lose(socket);
    const many: ScriptedAnswer[] = [];
    for (let connections = 0; connections < 4; connections++) {
      const next = await connect();
      for (let count = 0; count < 64; count++) next.start(`${count}`, 'far');
      for (let count = 0; count < 64; count++) many.push(await engine.next());
      await lose(next);
    }
    await answer.closed;
    const { lamina } = testServer;
    await until('the others go on', () => lamina.runtime.slot('far').busy === 256);
    for (const one of many) one.finish();
    await until('all have ended', () => lamina.runtime.slot('far').busy === 0);
  });

  it('ends when nobody resumes it in time', async () => {
    await testServer.close();
    await serve({ resumeTimeout: 0.02 });
    const { socket, answer, chat } = await open();
    answer.write();
    await received(socket, 1);
    await lose(socket);
    await answer.closed;
    await until('its lease is released', () => testServer.lamina.runtime.slot('far').busy === 0);
    const late = resume(await connect(), chat, 1);
    assert.match((await late.next('error')).error.message, /lost its connection or ended more than 0\.02 s ago/);
    await late.close();
    const { socket: closing, answer: kept } = await open({ keep: true });
    await leave(closing, 1001);
    await kept.closed;
  });

  it('ends when its server closes', async () => {
    await testServer.close();
    await serve();
    const { socket, answer } = await open();
    await lose(socket);
    const { answer: second } = await open();
    second.finish();
    await testServer.server.close();
    await answer.closed;
    assert.equal(testServer.lamina.runtime.slot('far').busy, 0);
  });
});
