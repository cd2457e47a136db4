// Lost connections: cut, dead, refused for a while.
import assert from 'node:assert/strict';
import { connect, LaminaClientError, type LaminaClient } from '@lamina/client';
import { watchForLeaks } from '@lamina/testing';
import { TcpProxy } from './support/tcp-proxy.js';
import { startTestServer, type TestServer } from './support/test-server.js';

const messages = [{ role: 'user', content: 'hi' }];

describe('a lost connection', () => {
  let testServer: TestServer;
  let proxy: TcpProxy;
  let client: LaminaClient;
  let noLeaks: () => Promise<void>;

  before(async () => {
    noLeaks = await watchForLeaks();
    testServer = await startTestServer({ models: { tiny: {}, slow: { load_ms: 400 } } });
    proxy = await TcpProxy.open(testServer.url);
  });
  after(async () => {
    await proxy.close();
    await testServer.close();
    await noLeaks();
  });
  beforeEach(() => {
    client = connect(proxy.url, { heartbeatInterval: 0.2 });
    proxy.reset();
  });
  afterEach(() => client.close());

  const disconnected = (): Promise<string> =>
    new Promise((resolve) => client.on('disconnected', ({ reason }) => resolve(reason)));

  it('is replaced at the next call when nothing was under way', async () => {
    await client.models.stop('tiny');
    const { count } = proxy;
    const lost = disconnected();
    proxy.cut();
    await lost;
    assert.equal(proxy.count, count);
    await client.models.stop('tiny');
    assert.equal(proxy.count, count + 1);
  });

  it('is replaced while calls wait for replies', async () => {
    const started = client.models.start('slow');
    await testServer.lamina.events.once('model.state', { signal: AbortSignal.timeout(5000) });
    proxy.cut();
    assert.equal((await started).state, 'ready');
  });

  it('fails a frame of an extension, which may have been carried out', async () => {
    await client.models.stop('slow');
    const call = client.call({ type: 'model.start', model: 'slow' });
    await testServer.lamina.events.once('model.state', { signal: AbortSignal.timeout(5000) });
    proxy.cut();
    await assert.rejects(call, (error) => error instanceof LaminaClientError && error.code === 'CONNECTION_LOST');
  });

  it('is noticed when nothing arrives any more', async () => {
    await client.models.stop('tiny');
    const lost = disconnected();
    proxy.freeze();
    assert.equal(await lost, 'The server has not answered for 0.2 s.');
    assert.equal(await client.chat({ model: 'tiny', messages }).text(), 'tiny: 1 2 3 4');
  });

  it('stays open while the server answers pings', async () => {
    await client.models.stop('tiny');
    const { count } = proxy;
    await client.models.stop('slow');
    await client.models.start('slow'); // Longer than two heartbeats, in which only pongs arrive.
    assert.equal(proxy.count, count);
  });

  it('is tried again until the server answers', async () => {
    proxy.cuts.push(0, 0, 0);
    const text = client.chat({ model: 'tiny', messages }).text();
    assert.equal(await text, 'tiny: 1 2 3 4');
    assert.equal(proxy.count, 4);
  });
});
