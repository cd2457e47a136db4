// Who sends a request: what plugins see of its key, its address and its way.
import assert from 'node:assert/strict';
import type { Caller, Plugin } from '@lamina/core';
import { chat, startTestServer, type TestServer } from './support/test-server.js';
import { TestSocket } from './support/socket.js';

describe('callers', () => {
  let testServer: TestServer;
  let callers: Caller[];
  const witness: Plugin = {
    name: 'witness',
    setup: (lamina) =>
      lamina.hooks.beforeRequest.tap(({ caller }) => {
        callers.push(caller);
        return undefined;
      }),
  };

  const open = async (server: object) => {
    callers = [];
    testServer = await startTestServer({ plugins: [witness], server });
  };

  afterEach(() => testServer.close());

  const ask = (path: string, key?: string, headers: Record<string, string> = {}) =>
    testServer.post(path, chat('tiny'), {
      headers: { ...headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    });

  it('have the name and the scopes of their key, their address, and the way they came', async () => {
    await open({
      apiKeys: [
        { key: 'p', name: 'phone', scope: 'inference' },
        { key: 'nameless' },
        { key: 'twice', scope: 'inference' },
        { key: 'twice', scope: 'manage', name: 'both' },
      ],
    });
    for (const key of ['p', 'nameless', 'twice'])
      assert.equal((await ask('/v1/chat/completions', key)).status, 200, key);
    assert.equal((await ask('/chat/tiny', 'p')).status, 200);
    const socket = await TestSocket.open(testServer.url, { headers: { authorization: 'Bearer p' } });
    await socket.chat('a');
    await socket.close();
    assert.equal((await ask('/v1/chat/completions', 'wrong')).status, 401);
    const address = '127.0.0.1';
    const phone = { name: 'phone', scopes: ['inference'], address, via: 'http' };
    assert.deepEqual(callers, [
      phone,
      { scopes: ['inference', 'manage'], address, via: 'http' },
      { name: 'both', scopes: ['inference', 'manage'], address, via: 'http' },
      phone,
      { ...phone, via: 'websocket' },
    ]);
  });

  it('have all scopes and no name where no key is needed', async () => {
    await open({});
    assert.equal((await ask('/v1/chat/completions')).status, 200);
    assert.deepEqual(callers, [{ scopes: ['inference', 'manage'], address: '127.0.0.1', via: 'http' }]);
  });

  it('that are pages on localhost lack the scope "manage"', async () => {
    await open({});
    assert.equal((await ask('/v1/chat/completions', undefined, { origin: 'http://localhost:3000' })).status, 200);
    assert.deepEqual(callers[0]?.scopes, ['inference']);
  });
});
