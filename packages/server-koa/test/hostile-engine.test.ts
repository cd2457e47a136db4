// Engines and remotes that answer what they should not: it ends with an error in our shape, costs little memory, and
// tells no secrets.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchForLeaks } from '@lamina/testing';
import {
  attached,
  chat,
  errorOf,
  startTestServer,
  until,
  type TestServer,
  type TestServerOptions,
} from './support/test-server.js';
import { dial } from './support/raw.js';
import { openRemote, remotePlugin, type Remote } from './support/remote.js';
import { TestSocket } from './support/socket.js';

const key = 'sk-0123456789abcdef';

describe('an engine that answers', () => {
  const open: { close(): Promise<void> }[] = [];
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  afterEach(async () => {
    for (const thing of open.splice(0).reverse()) await thing.close();
  });

  const attach = async (url: string, more: TestServerOptions = {}): Promise<TestServer> => {
    const plugin = remotePlugin(() => ({ baseUrl: `${url}/v1`, headers: { authorization: `Bearer ${key}` } }));
    const testServer = await startTestServer({ models: {}, entries: { far: attached }, plugins: [plugin], ...more });
    open.push(testServer);
    return testServer;
  };

  const engine = async (answer: (response: ServerResponse, port: string) => void): Promise<TestServer> => {
    const remote: Remote = await openRemote((request, response) => {
      request.resume();
      answer(response, new URL(remote.url).port);
    });
    open.push(remote);
    return attach(remote.url);
  };

  /** An engine that writes these bytes, whatever it is asked. */
  const rawEngine = async (bytes: string): Promise<TestServer> => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(Buffer.from(bytes)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    return attach(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  };

  const ask = (testServer: TestServer, more: object = {}): Promise<Response> =>
    testServer.post('/v1/chat/completions', chat('far', 'hi', more));

  for (const status of [300, 304, 600, 999]) {
    it(`with the unusable status ${status} becomes a 502 in Lamina's error shape`, async () => {
      const testServer = await engine((response) => response.writeHead(status).end());
      const finished = testServer.lamina.events.once('request.finished', { signal: AbortSignal.timeout(5000) });
      const answer = await ask(testServer);
      assert.equal(answer.status, 502);
      assert.match((await errorOf(answer)).message, new RegExp(`answered with status ${status}`));
      assert.equal((await finished).status, 502);
    });
  }

  it("with an invalid head becomes a 502 in Lamina's error shape", async () => {
    for (const head of [
      'HTTP/1.1 099 Low',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x',
      'HTTP/1.1 200 OK\r\nbad header: x',
      'HTTP/1.1 200 OK\r\nx-bad: a\u0001b',
    ]) {
      const answer = await ask(await rawEngine(`${head}\r\ncontent-length: 2\r\n\r\n{}`));
      assert.equal(answer.status, 502, head);
      assert.equal((await errorOf(answer)).code, 'MODEL_SERVER_UNREACHABLE', head);
    }
  });

  it('with an endless error is disconnected when enough of it has been read', async () => {
    let isOpen = false;
    const testServer = await engine((response) => {
      isOpen = true;
      response.once('close', () => (isOpen = false));
      response.writeHead(500, { 'content-type': 'text/plain' });
      const more = (): void => {
        while (!response.destroyed && response.write('no '.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    const answer = await ask(testServer);
    assert.equal(answer.status, 500);
    assert.match((await errorOf(answer)).message, /^no no /);
    await until('the engine was let go', () => !isOpen);
  });

  it('with an endless event makes a WebSocket chat fail, and is disconnected', async () => {
    let isOpen = false;
    let sent = 0;
    const testServer = await engine((response) => {
      isOpen = true;
      response.once('close', () => (isOpen = false));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: "');
      const piece = 'x'.repeat(64 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(piece)) sent += piece.length;
      };
      response.on('drain', more);
      more();
    });
    const socket = await TestSocket.open(testServer.url);
    const { text, last } = await socket.chat('a', 'far');
    assert.equal(text, 'hi');
    assert.match(last.type === 'chat.error' ? last.error.message : '', /event of more than \d+ characters/);
    await until('the engine was let go', () => !isOpen);
    assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes were read`);
    await socket.close();
  });

  it('with an error that contains its key or address reveals neither to the client', async () => {
    const testServer = await engine((response, port) => {
      const message = `Bearer ${key} (${key}) is not known at http://127.0.0.1:${port}/v1, 127.0.0.1:${port}, localhost:${port} or [::1]:${port}; ask for 10 tokens`;
      response
        .writeHead(401, { 'content-type': 'application/json' })
        .end(
          JSON.stringify({ error: { message, type: 'auth', param: key, key, tried: [{ at: `127.0.0.1:${port}` }] } }),
        );
    });
    const answer = await ask(testServer);
    const text = await answer.text();
    assert.match(text, /is not known at .*; ask for 10 tokens/);
    assert.doesNotMatch(text, /0123456789abcdef|127\.0\.0\.1|localhost|::1/);
    const socket = await TestSocket.open(testServer.url);
    const { last } = await socket.chat('a', 'far');
    assert.doesNotMatch(JSON.stringify(last), /0123456789abcdef|127\.0\.0\.1|localhost|::1/);
    assert.match(JSON.stringify(last), /is not known at/);
    await socket.close();
  });

  it('with an error event that contains its key or address reveals neither on a WebSocket', async () => {
    const testServer = await engine((response, port) =>
      response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(`data: {"error":{"message":"${key} at 127.0.0.1:${port} failed"}}\n\n`),
    );
    const socket = await TestSocket.open(testServer.url);
    const { last } = await socket.chat('a', 'far');
    assert.equal(last.type === 'chat.error' && last.error.message, '[redacted] at [redacted] failed');
    await socket.close();
  });

  it('nothing, because it printed its key and exited, reveals the key in no error and no event', async () => {
    const command = `/bin/sh -c 'echo "error: the key $K does not fit" >&2; echo $K > "$DIR/key"; exit 1'`;
    const directory = await mkdtemp(join(tmpdir(), 'lamina-key-'));
    open.push({ close: () => rm(directory, { recursive: true }) });
    const backends = { mine: { type: 'command', command, formats: ['fake'], env: { K: '${KEY}', DIR: directory } } };
    const testServer = await startTestServer({
      lamina: { manifest: { backends, models: { far: { path: 'model.fake', backend: 'mine' } } } },
    });
    open.push(testServer);
    const told: string[] = [];
    testServer.lamina.events.onAny((event) => told.push(JSON.stringify(event)));
    const answer = await (await ask(testServer)).text();
    const secret = (await readFile(join(directory, 'key'), 'utf8')).trim();
    assert.equal(secret.length, 48);
    assert.match(answer, /the key \[redacted\] does not fit/);
    assert.match(answer, /last_lines/);
    assert.ok(told.some((event) => event.includes('log.line')));
    for (const text of [answer, ...told]) assert.ok(!text.includes(secret), text);
  });

  it('not at all, because nothing listens there any more, does not reveal its address', async () => {
    const gone = await openRemote(() => undefined);
    await gone.close();
    const testServer = await attach(gone.url);
    const answer = await ask(testServer);
    assert.equal(answer.status, 502);
    assert.equal((await errorOf(answer)).message, 'The engine of model "far" did not respond: connection refused');
  });

  it('with a stream of events prevents proxies from buffering it', async () => {
    const heads: Record<string, string>[] = [
      {},
      { 'x-accel-buffering': 'yes', 'cache-control': 'public, max-age=60' },
      { 'X-Accel-Buffering': 'no', 'Cache-Control': 'no-cache' },
    ];
    for (const head of heads) {
      const testServer = await engine((response) =>
        response
          .writeHead(200, { 'Content-Type': 'Text/Event-Stream; charset=utf-8', ...head })
          .end('data: [DONE]\n\n'),
      );
      const { headers } = await ask(testServer, { stream: true });
      assert.deepEqual([headers.get('x-accel-buffering'), headers.get('cache-control')], ['no', 'no-cache']);
    }
    const { headers } = await ask(
      await engine((response) =>
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end('{}'),
      ),
    );
    assert.deepEqual([headers.get('x-accel-buffering'), headers.get('cache-control')], [null, 'no-store']);
  });
});

describe('many chats at once', () => {
  let testServer: TestServer;
  const warnings: Error[] = [];
  const hear = (warning: Error): void => void warnings.push(warning);

  beforeEach(() => {
    warnings.length = 0;
    process.on('warning', hear);
  });

  afterEach(async () => {
    await testServer.close();
    process.off('warning', hear);
  });

  it('on one WebSocket that nobody reads cause no warning about listeners', async () => {
    testServer = await startTestServer({
      models: { tiny: { chunk_bytes: 64 * 1024 } },
      server: { resumeTimeout: 0 },
    });
    const socket = await TestSocket.open(testServer.url);
    socket.ws.pause();
    for (let count = 0; count < 20; count++) socket.start(`chat ${count}`, 'tiny', '/count');
    await until('all run', () => testServer.lamina.runtime.slot('tiny').busy === 20);
    const other = await TestSocket.open(testServer.url);
    for (let count = 0; count < 20; count++) assert.equal((await other.chat(`other ${count}`)).last.type, 'chat.done');
    socket.ws.terminate();
    await until('all have ended', () => testServer.lamina.runtime.slot('tiny').busy === 0);
    assert.deepEqual(warnings, []);
    await other.close();
  });

  it('on one HTTP connection cause none either, waiting, running or cut off', async () => {
    testServer = await startTestServer({ models: { tiny: { chunk_bytes: 64 * 1024, parallel: 12, load_ms: 50 } } });
    const socket = dial(testServer.url).on('error', () => undefined);
    const body = JSON.stringify(chat('tiny', '/count', { stream: true }));
    const request = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    socket.pause();
    socket.write(request.repeat(24));
    await until('as many run as can', () => testServer.lamina.runtime.slot('tiny').busy === 12);
    socket.destroy();
    await until(
      'all have ended',
      () => testServer.lamina.runtime.slot('tiny').busy === 0 && testServer.lamina.runtime.slot('tiny').waiting === 0,
    );
    assert.deepEqual(warnings, []);
  });
});
