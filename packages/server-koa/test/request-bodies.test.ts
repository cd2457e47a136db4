// The cost of request bodies: limited memory over all requests, limited work for each of them.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin } from './support/command.js';
import { dial } from './support/raw.js';
import {
  chat,
  errorOf,
  startTestServer,
  until,
  type TestServer,
  type TestServerOptions,
} from './support/test-server.js';
import { TestSocket } from './support/socket.js';

const mebibyte = 1024 * 1024;

/** A chat whose body has about so many JSON values, all of them empty lists. */
const manyValues = (count: number): string => {
  const lists = `[${'[],'.repeat(count / 2)}[]]`;
  return JSON.stringify(chat('tiny')).replace('{', `{"x":${lists},`);
};

/** A chat that is nested so deeply. */
const deepBody = (depth: number): string =>
  JSON.stringify(chat('tiny')).replace('{', `{"x":${'['.repeat(depth)}${']'.repeat(depth)},`);

describe('request bodies', function () {
  this.timeout(60_000);

  let testServer: TestServer | undefined;
  const open = async (options: TestServerOptions = {}): Promise<TestServer> =>
    (testServer = await startTestServer(options));

  afterEach(async () => {
    await testServer?.close();
    testServer = undefined;
  });

  /** Takes the one place of the engine, so that all requests after it wait. */
  const occupy = async ({ url }: TestServer): Promise<AbortController> => {
    const leave = new AbortController();
    const body = JSON.stringify(chat('tiny', '/count', { stream: true }));
    const stream = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body, signal: leave.signal });
    stream.text().catch(() => undefined);
    return leave;
  };
  const waiting = ({ lamina }: TestServer, count: number) =>
    until(`${count} requests wait`, () => lamina.runtime.slot('tiny').waiting === count);
  const busy = { models: { tiny: { parallel: 1, chunk_ms: 5 } } };

  it('may be as large as the limit, whatever the default of the memory for all of them', async () => {
    const { url } = await open({ server: { bodyLimit: 200 * mebibyte } });
    const socket = dial(url);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: ${150 * mebibyte}\r\n\r\n`,
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    assert.match(first.toString(), /^HTTP\/1.1 100 /);
    socket.destroy();
  });

  it('wait as bytes: many large ones queue in a small heap, while others are served', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lamina-bodies-'));
    const server = await startServer(directory);
    const leave = new AbortController();
    try {
      const first = JSON.stringify(chat('tiny', '/count', { stream: true }));
      const post = (body: string) =>
        fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body, signal: leave.signal });
      (await post(first)).text().catch(() => undefined);
      const queue = await queuedRequests(server.url, leave.signal);
      const body = manyValues(990_000);
      const queued = Array.from({ length: 12 }, () =>
        post(body).then(
          ({ status }) => status,
          () => undefined,
        ),
      );
      await queue.next(queued.length);
      assert.equal((await fetch(`${server.url}/health`)).status, 200);
      leave.abort();
      await Promise.all(queued);
      assert.equal(server.child.exitCode, null);
    } finally {
      leave.abort();
      server.child.kill('SIGTERM');
      await server.ended;
      await rm(directory, { recursive: true });
    }
  });

  it('with more than a million values are refused while they are read', async () => {
    const { post } = await open();
    for (const path of ['/v1/chat/completions', '/chat/tiny', '/v1/embeddings']) {
      const answer = await post(path, manyValues(2_000_000)).catch((error: unknown) => error as Error);
      if (answer instanceof Error) continue; // The connection was closed while the client still wrote.
      assert.equal(answer.status, 400);
      assert.match((await errorOf(answer)).message, /more than 1000000 JSON values/);
    }
    assert.deepEqual(testServer!.lamina.runtime.slots(), []);
  });

  it('that are nested too deeply get 400 on any route; a thousand levels are allowed', async () => {
    const { post, url } = await open();
    for (const depth of [2_000, 400_000]) {
      for (const path of ['/v1/chat/completions', '/chat/tiny', '/suggest', '/models/validate', '/download']) {
        const answer = await post(path, deepBody(depth));
        assert.equal(answer.status, 400, path);
        assert.equal((await errorOf(answer)).code, 'REQUEST_INVALID');
      }
      const socket = await TestSocket.open(url);
      socket.ws.send(`{"type":"chat.start","id":"1","request":${deepBody(depth)}}`);
      assert.equal((await socket.next('error')).error.code, 'REQUEST_INVALID');
      socket.ws.terminate();
    }
    assert.equal((await post('/v1/chat/completions', deepBody(900))).status, 200);
  });

  it('of routes that are not inference are limited to one mebibyte', async () => {
    const { post, url } = await open();
    const body = JSON.stringify({ reference: 'x'.repeat(mebibyte), models: [], use_case: 'x' });
    for (const path of ['/suggest', '/models/validate', '/download']) {
      const answer = await post(path, body);
      assert.equal(answer.status, 413, path);
      assert.equal((await errorOf(answer)).details?.['limit_bytes'], mebibyte);
    }
    const socket = await TestSocket.open(url);
    socket.send({ type: 'download.start', id: '1', request: { reference: 'x'.repeat(mebibyte) } });
    assert.equal((await socket.next('error')).error.code, 'BODY_TOO_LARGE');
    assert.equal((await post('/v1/chat/completions', chat('tiny', 'x'.repeat(mebibyte)))).status, 200);
  });

  it('that are too large together wait, and get 503 when nothing is released', async () => {
    const opened = await open({ ...busy, server: { bodyMemoryLimit: 100_000 } });
    const leave = await occupy(opened);
    const large = chat('tiny', 'x'.repeat(40_000));
    const two = [opened.post('/v1/chat/completions', large), opened.post('/v1/chat/completions', large)];
    await waiting(opened, 2);
    const refused = await opened.post('/v1/chat/completions', large);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal((await errorOf(refused)).code, 'SERVER_OVERLOADED');
    const third = opened.post('/v1/chat/completions', large);
    leave.abort();
    for (const answer of [...two, third]) assert.equal((await answer).status, 200, 'one that was released made room');
  });

  it('without a declared length count as they arrive', async () => {
    const opened = await open({ ...busy, server: { bodyMemoryLimit: 100_000 } });
    await occupy(opened);
    const large = JSON.stringify(chat('tiny', 'x'.repeat(40_000)));
    const chunked = () => {
      const body = new Blob([large]).stream();
      return fetch(`${opened.url}/v1/chat/completions`, { method: 'POST', body, duplex: 'half' } as RequestInit);
    };
    for (const answer of [chunked(), chunked()]) answer.then((response) => response.text()).catch(() => undefined);
    await waiting(opened, 2);
    assert.equal((await chunked()).status, 503);
  });

  it('in WebSocket frames count too: those of waiting chats, and incomplete ones', async () => {
    const opened = await open({ ...busy, server: { bodyMemoryLimit: 100_000 } });
    const leave = await occupy(opened);
    const socket = await TestSocket.open(opened.url);
    const request = { model: 'tiny', messages: [{ role: 'user', content: 'x'.repeat(40_000) }] };
    socket.send({ type: 'chat.start', id: '1', request });
    await waiting(opened, 1);
    const half = await TestSocket.open(opened.url);
    underneath(half).write(frameHead(60_000));
    underneath(half).write(Buffer.alloc(50_000, 'x'));
    const refused = await opened.post('/v1/chat/completions', request);
    assert.equal(refused.status, 503);
    half.ws.terminate();
    leave.abort();
    assert.equal((await socket.next('chat.done')).id, '1');
    assert.equal((await opened.post('/v1/chat/completions', request)).status, 200, 'all of it was given back');
  });

  it('in frames that wait too long close their connection with 1013', async () => {
    const opened = await open({ ...busy, server: { bodyMemoryLimit: 100_000 } });
    await occupy(opened);
    const large = chat('tiny', 'x'.repeat(40_000));
    for (const answer of [opened.post('/chat/tiny', large), opened.post('/chat/tiny', large)]) {
      answer.catch(() => undefined);
    }
    await waiting(opened, 2);
    const socket = await TestSocket.open(opened.url);
    underneath(socket).write(frameHead(60_000));
    underneath(socket).write(Buffer.alloc(50_000, 'x'));
    assert.equal(await socket.closed, 1013);
  });
});

function underneath({ ws }: TestSocket): Socket {
  return (ws as unknown as { _socket: Socket })._socket;
}

/** The head of a masked text frame with so many bytes of data (RFC 6455, 5.2). */
function frameHead(bytes: number): Buffer {
  return Buffer.from([0x81, 0x80 | 126, bytes >> 8, bytes & 0xff, 0, 0, 0, 0]);
}

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<unknown>;
}

/** lamina-server in a heap of 256 MiB, with a model that answers one request at a time. */
async function startServer(directory: string): Promise<Running> {
  const testing = import.meta.resolve('@lamina/testing');
  const model = '{ path: tiny.fake, backend: fake, options: { parallel: 1, chunk_ms: 5 } }';
  await writeFile(join(directory, 'tiny.fake'), 'a fake model');
  await writeFile(join(directory, 'models.yaml'), `models:\n  tiny: ${model}\n`);
  const config = `import { fakePlugin } from '${testing}';\nexport default { plugins: [fakePlugin()] };\n`;
  await writeFile(join(directory, 'config.mjs'), config);
  const args = ['--max-old-space-size=256', bin, '--config', 'config.mjs', '--models-dir', directory, '--port', '0'];
  const child = spawn(process.execPath, args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, ended, url: /http:\S+/.exec(line.toString())![0] };
}

/** Hears of the requests that wait; `next` resolves when there have been so many. */
async function queuedRequests(url: string, signal: AbortSignal): Promise<{ next(count: number): Promise<void> }> {
  const events = await fetch(`${url}/events?types=queue.position`, { signal });
  return {
    next: async (count) => {
      const ids = new Set<string>();
      let text = '';
      for await (const piece of events.body as unknown as AsyncIterable<Uint8Array>) {
        text += Buffer.from(piece).toString();
        for (const [, id] of text.matchAll(/"request":"([^"]+)"/g)) ids.add(id!);
        if (ids.size >= count) return;
      }
    },
  };
}
