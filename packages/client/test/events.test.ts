// Events of the server and of the client, over one server and a proxy that cuts connections.
import assert from 'node:assert/strict';
import type { Events } from '@lamina/core';
import {
  connect,
  LaminaClientError,
  type ClientEvents,
  type EventType,
  type LaminaClient,
  type LaminaEvent,
} from '@lamina/client';
import { watchForLeaks } from '@lamina/testing';
import { TcpProxy } from './support/tcp-proxy.js';
import { startTestServer, type TestServer } from './support/test-server.js';

/** Only core emits; the test stands in its place. */
type Bus = Events & { emit(type: string, data: object): void };

describe('events', () => {
  let testServer: TestServer;
  let proxy: TcpProxy;
  let client: LaminaClient;
  let noLeaks: () => Promise<void>;

  before(async () => {
    noLeaks = await watchForLeaks();
    testServer = await startTestServer({ models: { tiny: {} } });
    proxy = await TcpProxy.open(testServer.url);
  });
  after(async () => {
    await proxy.close();
    await testServer.close();
    await noLeaks();
  });
  beforeEach(() => (client = connect(proxy.url)));
  afterEach(() => client.close());

  const emit = (model: string): void => (testServer.lamina.events as Bus).emit('model.updated', { model });

  /** The next event of the client. */
  const next = <Type extends keyof ClientEvents>(type: Type): Promise<ClientEvents[Type]> =>
    new Promise((resolve) => {
      const stop = client.on(type, (event) => {
        stop();
        resolve(event);
      });
    });

  /** Collects models of events, and waits for them. */
  function collect<Type extends EventType>(type: Type, options: { signal?: AbortSignal } = {}) {
    const models: string[] = [];
    let wake: () => void = () => undefined;
    const stop = client.on(
      type,
      (event) => {
        models.push((event as LaminaEvent<'model.updated'>).model);
        wake();
      },
      options,
    );
    const until = async (model: string): Promise<readonly string[]> => {
      while (!models.includes(model)) await new Promise<void>((resolve) => (wake = resolve));
      return models;
    };
    return { models, stop, until };
  }

  /** Resolves when the server has handled all that was sent. */
  const settled = (): Promise<unknown> => client.call({ type: 'model.stop', model: 'tiny' });

  it('reach the listeners of their type, until these are removed', async () => {
    const controller = new AbortController();
    const first = collect('model.updated');
    const second = collect('model.updated', { signal: controller.signal });
    const other = collect('model.removed');
    await settled();
    emit('one');
    assert.deepEqual(await first.until('one'), ['one']);
    assert.deepEqual(second.models, ['one']);
    controller.abort();
    emit('two');
    await first.until('two');
    assert.deepEqual(second.models, ['one']);
    assert.deepEqual(other.models, []);
    first.stop();
    await settled();
    emit('three');
    await settled();
    assert.deepEqual(first.models, ['one', 'two']);
  });

  it('of all types reach a listener for *', async () => {
    const seen: string[] = [];
    client.on('*', ({ type }) => seen.push(type));
    await settled();
    await client.chat({ model: 'tiny', messages: [{ role: 'user', content: 'hi' }] }).text();
    await settled();
    for (const type of ['model.ready', 'request.finished']) assert.ok(seen.includes(type), type);
  });

  it('that were missed while there was no connection come first, once and in order', async () => {
    const { models, until } = collect('model.updated');
    await settled();
    emit('before');
    await until('before');
    for (const model of ['a', 'b', 'c']) {
      const lost = next('disconnected');
      proxy.cut();
      await lost;
      emit(model);
      await until(model);
    }
    assert.deepEqual(models, ['before', 'a', 'b', 'c']);
  });

  it('that are lost are reported as a gap', async () => {
    const { models, until } = collect('model.updated');
    await settled();
    const lost = next('disconnected');
    const gap = next('gap');
    proxy.cut();
    await lost;
    for (let count = 0; count < 1001; count++) emit('missed');
    assert.deepEqual(await gap, { types: ['model.updated'] });
    await settled();
    emit('after');
    assert.deepEqual(await until('after'), ['after']);
    assert.equal(models.length, 1);
  });

  it('of a type that does not exist are an error, once', async () => {
    const error = next('error');
    client.on('no.such', () => assert.fail());
    assert.ok((await error) instanceof LaminaClientError);
    assert.equal((await error).code, 'REQUEST_INVALID');
  });

  it('reach other listeners when one throws', async () => {
    const uncaught = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    const thrown = new Promise<unknown>((resolve) => process.once('uncaughtException', resolve));
    try {
      client.on('model.updated', () => {
        throw new Error('of the listener');
      });
      const { until } = collect('model.updated');
      await settled();
      emit('one');
      await until('one');
      assert.equal(((await thrown) as Error).message, 'of the listener');
    } finally {
      for (const listener of uncaught) process.on('uncaughtException', listener);
    }
  });

  it('say when there is a connection, and whether the server was restarted', async () => {
    const connected = next('connected');
    client.on('model.updated', () => undefined);
    assert.equal((await connected).restarted, false);
    const again = next('connected');
    const other = await startTestServer({ models: {} });
    const gap = next('gap');
    proxy.target = new URL(other.url);
    proxy.cut();
    assert.equal((await again).restarted, true);
    assert.deepEqual(await gap, { types: ['model.updated'] });
    proxy.target = new URL(testServer.url);
    await other.close();
  });
});
