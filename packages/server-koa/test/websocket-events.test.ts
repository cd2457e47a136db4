// Events over WebSocket and SSE: their types, where they start, and what is sent when some are lost.
import assert from 'node:assert/strict';
import type { EventBus } from '../../core/dist/kernel/event-bus.js';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { watchForLeaks } from '@lamina/testing';
import type { LaminaEvent } from '@lamina/core';
import { definePlugin } from '@lamina/core/plugin';
import { startTestServer, type TestServer, type TestServerOptions } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

describe('events', () => {
  let testServer: TestServer;
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  afterEach(() => testServer.close());

  const open = async (options: TestServerOptions = {}) => (testServer = await startTestServer(options));

  /** Only core emits; this stands in core's place. */
  const emit = (model: string) => (testServer.lamina.events as EventBus).emit('model.updated', { model });

  describe('over a WebSocket', () => {
    const models = (socket: TestSocket, id: string) =>
      socket
        .of(id)
        .flatMap((frame) => (frame.type === 'event' ? [(frame.event as unknown as { model: string }).model] : []));

    it('are sent to subscribers, of the types they name, until they unsubscribe', async () => {
      await open();
      const socket = await TestSocket.open(testServer.url);
      socket.send({ type: 'events.subscribe', id: 'all' });
      socket.send({ type: 'events.subscribe', id: 'ready', types: ['model.ready'] });
      const { result } = await socket.next('reply', ({ id }) => id === 'ready');
      assert.equal((result as { last: string }).last, testServer.lamina.events.last);
      await socket.chat('a');
      const ready = await socket.next('event', ({ id }) => id === 'ready');
      assert.equal(ready.event.type, 'model.ready');
      await socket.next('event', ({ id, event }) => id === 'all' && event.type === 'request.finished');
      assert.equal(socket.of('ready').filter(({ type }) => type === 'event').length, 1);
      socket.send({ type: 'events.unsubscribe', id: 'all' });
      await socket.next('reply', ({ id, result }) => id === 'all' && !('last' in result));
      emit('silent');
      socket.send({ type: 'ping', id: 'p' });
      await socket.next('pong');
      assert.equal(models(socket, 'all').includes('silent'), false);
      socket.send({ type: 'events.unsubscribe', id: 'all' });
      assert.equal((await socket.next('error', ({ id }) => id === 'all')).error.code, 'REQUEST_INVALID');
    });

    it('are replayed from an id on, without a gap and without a repetition', async () => {
      await open();
      emit('before');
      const { last } = testServer.lamina.events;
      emit('one');
      emit('two');
      const socket = await TestSocket.open(testServer.url);
      socket.send({ type: 'events.subscribe', id: 's', since: last, types: ['model.updated'] });
      await socket.next('reply');
      emit('three');
      await socket.next('event', ({ event }) => (event as unknown as { model: string }).model === 'three');
      assert.deepEqual(models(socket, 's'), ['one', 'two', 'three']);
    });

    it('that are lost are reported as lost', async () => {
      await open();
      const socket = await TestSocket.open(testServer.url);
      socket.send({ type: 'events.subscribe', id: 's', since: '00000000-5' });
      assert.equal((await socket.next('reset')).oldest, testServer.lamina.events.oldest);
      emit('after');
      await socket.next('event', ({ event }) => event.type === 'model.updated');
      socket.send({
        type: 'events.subscribe',
        id: 't',
        since: testServer.lamina.events.oldest,
        types: ['model.updated'],
      });
      await socket.next('event', ({ id }) => id === 't');
      assert.deepEqual(models(socket, 't'), ['after']);
    });

    it('of an unknown type are refused with the nearest type', async () => {
      await open();
      const socket = await TestSocket.open(testServer.url);
      socket.send({ type: 'events.subscribe', id: 's', types: ['model.redy'] });
      const { error } = await socket.next('error');
      assert.match(error.message, /did you mean "model\.ready"/);
    });

    it('show what an engine printed only with the scope manage', async () => {
      await open({
        models: { tiny: { exit_code: 1, stderr: ['error: secret line'] } },
        server: { apiKeys: [{ key: 'chats', scope: 'inference' }, { key: 'all' }] },
      });
      const [chats, all] = await Promise.all(
        ['chats', 'all'].map((key) => TestSocket.open(testServer.url, { headers: { authorization: `Bearer ${key}` } })),
      );
      for (const socket of [chats!, all!]) {
        socket.send({ type: 'events.subscribe', id: 's' });
        await socket.next('reply');
      }
      await all!.chat('a');
      for (const socket of [chats!, all!]) await socket.next('event', ({ event }) => event.type === 'model.failed');
      const seen = (socket: TestSocket) => JSON.stringify(socket.of('s'));
      assert.match(seen(all!), /log\.line/);
      assert.match(seen(all!), /last_lines/);
      assert.doesNotMatch(seen(chats!), /log\.line|last_lines/);
    });

    it('of plugins are sent to clients with the scope manage only, and under the names of plugins only', async () => {
      let limit!: () => void;
      const guard = definePlugin({
        name: 'guard',
        setup: (lamina) => void (limit = () => lamina.emit('guard.limited', { key: 'phone' })),
      });
      const apiKeys = [{ key: 'chats', scope: 'inference' as const }, { key: 'all' }];
      await open({ models: {}, plugins: [guard()], server: { apiKeys } });
      const [chats, all] = await Promise.all(
        ['chats', 'all'].map((key) => TestSocket.open(testServer.url, { headers: { authorization: `Bearer ${key}` } })),
      );
      chats!.send({ type: 'events.subscribe', id: 'every' });
      all!.send({ type: 'events.subscribe', id: 'every' });
      all!.send({ type: 'events.subscribe', id: 'named', types: ['guard.limited'] });
      for (const [socket, id] of [[chats!, 'every'] as const, [all!, 'named'] as const])
        await socket.next('reply', (frame) => frame.id === id);
      limit();
      emit('last');
      for (const id of ['every', 'named']) {
        const { event } = await all!.next('event', (frame) => frame.id === id);
        assert.deepEqual([event.type, (event as unknown as { key: string }).key], ['guard.limited', 'phone']);
      }
      const { event } = await chats!.next('event');
      assert.equal(event.type, 'model.updated');
      chats!.send({ type: 'events.subscribe', id: 'named', types: ['guard.limited'] });
      const refused = await chats!.next('error', ({ id }) => id === 'named');
      assert.equal(refused.error.code, 'FORBIDDEN');
      all!.send({ type: 'events.subscribe', id: 'unknown', types: ['guardian.limited'] });
      assert.equal((await all!.next('error')).error.code, 'REQUEST_INVALID');
      const query = async (key: string, types: string) =>
        fetch(`${testServer.url}/events?types=${types}`, {
          method: 'HEAD',
          headers: { authorization: `Bearer ${key}` },
        });
      assert.equal((await query('all', 'guard.limited')).status, 200);
      assert.equal((await query('chats', 'guard.limited')).status, 403);
      assert.equal((await query('all', 'guardian.limited')).status, 400);
    });

    it('report how models start and stop, also through frames', async () => {
      await open();
      const socket = await TestSocket.open(testServer.url);
      socket.send({ type: 'model.start', id: 'a', model: 'tiny' });
      assert.equal((await socket.next('reply', ({ id }) => id === 'a')).result['state' as never], 'ready');
      socket.send({ type: 'model.stop', id: 'b', model: 'tiny' });
      assert.equal((await socket.next('reply', ({ id }) => id === 'b')).result['state' as never], 'stopped');
      socket.send({ type: 'model.start', id: 'c', model: 'nothing' });
      assert.equal((await socket.next('error', ({ id }) => id === 'c')).error.code, 'MODEL_NOT_FOUND');
    });
  });

  describe('over SSE', () => {
    /** What a stream of events brings, comments included. */
    const listen = async (path = '/events', headers: Record<string, string> = {}) => {
      const leaving = new AbortController();
      const response = await fetch(testServer.url + path, { headers, signal: leaving.signal });
      const messages: EventSourceMessage[] = [];
      const comments: string[] = [];
      const parser = createParser({
        onEvent: (message) => messages.push(message),
        onComment: (comment) => comments.push(comment),
      });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      const decoder = new TextDecoder();
      const until = async (holds: () => boolean) => {
        while (!holds()) {
          const { done, value } = await reader.read();
          if (done) return false;
          parser.feed(decoder.decode(value, { stream: true }));
        }
        return true;
      };
      const events = () =>
        messages
          .filter(({ event }) => event === undefined)
          .map(({ data }) => JSON.parse(data) as LaminaEvent & { model: string });
      return { response, messages, comments, events, until, leave: () => leaving.abort() };
    };

    it('are sent as they happen, each with its id', async () => {
      await open();
      const stream = await listen('/events?types=model.updated,model.ready');
      assert.equal(stream.response.headers.get('content-type'), 'text/event-stream');
      assert.equal(stream.response.headers.get('cache-control'), 'no-cache');
      emit('a');
      (testServer.lamina.events as EventBus).emit('model.removed', { model: 'a' });
      emit('b');
      await stream.until(() => stream.events().length === 2);
      assert.deepEqual(
        stream.events().map(({ model }) => model),
        ['a', 'b'],
      );
      assert.equal(stream.messages[1]!.id, testServer.lamina.events.last);
      stream.leave();
    });

    it('continue after the last one that a client received', async () => {
      await open();
      emit('seen');
      const { last } = testServer.lamina.events;
      emit('missed');
      const stream = await listen('/events?types=model.updated', { 'last-event-id': last });
      await stream.until(() => stream.events().length === 1);
      assert.equal(stream.events()[0]!.model, 'missed');
      stream.leave();
    });

    it('that are lost are reported as a reset, with an id to continue from', async () => {
      await open();
      const stream = await listen('/events', { 'last-event-id': '00000000-3' });
      await stream.until(() => stream.messages.length === 1);
      const { event, id, data } = stream.messages[0]!;
      assert.deepEqual(
        [event, id, JSON.parse(data)],
        ['reset', testServer.lamina.events.last, { oldest: testServer.lamina.events.oldest }],
      );
      stream.leave();
    });

    it('are kept alive by comments', async () => {
      await open({ server: { heartbeatInterval: 0.02 } });
      const stream = await listen();
      assert.ok(await stream.until(() => stream.comments.length >= 4));
      stream.leave();
    });

    it('require a key and a known type, and have no body for HEAD', async () => {
      await open({ server: { apiKeys: [{ key: 'chats', scope: 'inference' }] } });
      assert.equal((await fetch(`${testServer.url}/events`)).status, 401);
      const headers = { authorization: 'Bearer chats' };
      assert.equal((await fetch(`${testServer.url}/events?types=x`, { headers })).status, 400);
      assert.equal((await fetch(`${testServer.url}/events?types=log.line`, { headers })).status, 403);
      assert.equal(
        (await fetch(`${testServer.url}/events`, { method: 'HEAD', headers })).headers.get('content-type'),
        'text/event-stream',
      );
    });

    it('end with the server, and later events are not written', async () => {
      await open();
      const stream = await listen();
      await stream.until(() => stream.comments.length > 0);
      const closed = testServer.server.close();
      emit('late');
      assert.equal(await stream.until(() => false), false);
      assert.deepEqual(stream.events(), []);
      await closed;
    });
  });
});
