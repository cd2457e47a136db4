// Every refusal has the error shape, also where Node or ws would respond by themselves.
import assert from 'node:assert/strict';
import { startTestServer, type TestServer } from './support/test-server.js';
import { raw } from './support/raw.js';

describe('what Node and ws refuse by themselves', () => {
  let testServer: TestServer;

  beforeEach(async () => void (testServer = await startTestServer()));

  afterEach(() => testServer.close());

  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: lamina.v1\r\n';
  const cases: readonly (readonly [what: string, bytes: string, status: number, code: string])[] = [
    ['no Host', 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n', 400, 'REQUEST_INVALID'],
    [
      'an expectation nobody knows',
      'POST /chat/tiny HTTP/1.1\r\nHost: localhost\r\nExpect: a-miracle\r\nContent-Length: 0\r\n\r\n',
      417,
      'REQUEST_INVALID',
    ],
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n', 405, 'METHOD_NOT_ALLOWED'],
    ['TRACE', 'TRACE /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 405, 'METHOD_NOT_ALLOWED'],
    ['a method that HTTP has not', 'BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'REQUEST_INVALID'],
    ['another version of HTTP', 'GET /health HTTP/3.7\r\nHost: localhost\r\n\r\n', 400, 'REQUEST_INVALID'],
    ['a WebSocket without Host', `GET /ws HTTP/1.1\r\n${upgrade}\r\n`, 400, 'REQUEST_INVALID'],
    [
      'a WebSocket without a key',
      `GET /ws HTTP/1.1\r\nHost: localhost\r\n${upgrade}Sec-WebSocket-Version: 13\r\n\r\n`,
      400,
      'REQUEST_INVALID',
    ],
    [
      'a WebSocket of another version',
      `GET /ws HTTP/1.1\r\nHost: localhost\r\n${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 7\r\n\r\n`,
      400,
      'REQUEST_INVALID',
    ],
  ];

  for (const [what, bytes, status, code] of cases) {
    it(`${what}: ${status} in Lamina's error shape`, async () => {
      const answer = await raw(testServer.url, bytes);
      assert.equal(answer.status, status);
      assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
      const { error } = JSON.parse(answer.body) as { error: { code: string; message: string; type: string } };
      assert.equal(error.code, code);
      assert.match(error.message, /\.$/);
    });
  }

  it('a request without Host in HTTP/1.0 is answered', async () => {
    assert.equal((await raw(testServer.url, 'GET /health HTTP/1.0\r\n\r\n')).status, 200);
  });
});
