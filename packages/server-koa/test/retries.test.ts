// Which errors tell a client to try again, and which that it is no use: OpenAI's clients follow the header.
import assert from 'node:assert/strict';
import { errorTable, LaminaError, type ErrorCode } from '@lamina/core';
import { definePlugin } from '@lamina/core/plugin';
import { attached, chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';
import { raw } from './support/raw.js';
import { openRemote, remotePlugin, type Remote } from './support/remote.js';

/** Refuses a request with the code in the header `x-code`. */
const refusing = definePlugin({
  name: 'refusing',
  setup: ({ hooks }) =>
    hooks.beforeRequest.tap(({ headers }) => {
      const code = headers['x-code'] as ErrorCode | undefined;
      if (code !== undefined) throw new LaminaError(code, { allowed: ['GET'], accepted: ['gzip'] } as never);
      return undefined;
    }),
});

describe('an error response', () => {
  let remote: Remote;
  let testServer: TestServer;

  before(async () => {
    remote = await openRemote(({ headers }, response) => response.writeHead(Number(headers['x-status'])).end('no'));
    testServer = await startTestServer({
      models: {},
      entries: { far: attached },
      plugins: [refusing(), remotePlugin(() => ({ baseUrl: `${remote.url}/v1` }))],
    });
  });

  after(async () => {
    await testServer.close();
    await remote.close();
  });

  const post = (headers: Record<string, string>) => testServer.post('/v1/chat/completions', chat('far'), { headers });

  for (const [code, { status, retryable }] of Object.entries(errorTable)) {
    it(`with the code ${code} says that a retry ${retryable ? 'can succeed' : 'is no use'}`, async () => {
      const answer = await post({ 'x-code': code });
      assert.equal(answer.status, status);
      assert.equal((await errorOf(answer)).code, code);
      assert.equal(answer.headers.get('x-should-retry'), retryable ? null : 'false');
      assert.equal(answer.headers.has('retry-after'), retryable);
    });
  }

  it('of an engine says that a retry is no use, unless its status is that of a passing problem', async () => {
    for (const status of [408, 425, 429, 500, 502, 503, 504])
      assert.equal((await post({ 'x-status': String(status) })).headers.get('x-should-retry'), null, String(status));
    for (const status of [400, 401, 403, 404, 409, 413, 415, 422, 501, 505]) {
      const answer = await post({ 'x-status': String(status) });
      assert.deepEqual([answer.status, answer.headers.get('x-should-retry')], [status, 'false']);
    }
  });

  it('to what is not HTTP, or asks for what HTTP does not have, says so too', async () => {
    for (const bytes of [
      'GARBAGE\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: magic\r\n\r\n',
      'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    ])
      assert.equal((await raw(testServer.url, bytes)).headers['x-should-retry'], 'false', bytes);
  });
});
