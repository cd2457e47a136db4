// A model server with several endpoints: requests move to another one before the client notices, and an endpoint that
// is lost ends only its own streams.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Endpoint, EndpointOptions } from '@lamina/core';
import { watchForLeaks } from '@lamina/testing';
import { openRemote, remotePlugin, type Remote } from './support/remote.js';
import { TestSocket } from './support/socket.js';
import { readToEnd } from './support/stream.js';
import { attached, chat, errorOf, startTestServer, until, type TestServer } from './support/test-server.js';

const stream = chat('far', 'hi', { stream: true });

describe('an endpoint', () => {
  let testServer: TestServer;
  let remotes: Remote[];
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));
  after(() => noLeaks());

  beforeEach(() => void (remotes = []));
  afterEach(async () => {
    await testServer.close();
    await Promise.all(remotes.map((remote) => remote.close()));
  });

  async function remote(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const opened = await openRemote(answer);
    remotes.push(opened);
    return `${opened.url}/v1`;
  }

  async function serve(endpoint: (options?: EndpointOptions) => Endpoint): Promise<void> {
    testServer = await startTestServer({ models: {}, entries: { far: attached }, plugins: [remotePlugin(endpoint)] });
  }

  const streaming = (_: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk('a piece'));
  };

  it('that is lost ends its open streams at once with an error, and no others', async () => {
    const lost = new AbortController();
    const [cut, kept] = [await remote(streaming), await remote(streaming)];
    let turn = 0;
    await serve(() => (turn++ % 2 === 0 ? { baseUrl: cut, lost: lost.signal } : { baseUrl: kept }));
    await testServer.lamina.runtime.start('far');
    turn = 0;
    const bodies = [];
    for (let each = 0; each < 2; each++)
      bodies.push((await testServer.post('/v1/chat/completions', stream)).body!.getReader());
    const socket = await TestSocket.open(testServer.url);
    socket.start('cut', 'far');
    await socket.next('chat.chunk', ({ id }) => id === 'cut');
    socket.start('kept', 'far');
    await socket.next('chat.chunk', ({ id }) => id === 'kept');
    for (const body of bodies) await body.read();
    lost.abort(new Error(`the way to ${cut} is cut`));
    const { text, broken } = await readToEnd(bodies[0]!);
    const { last } = await socket.ended('cut');
    assert.equal(broken, true);
    assert.match(text, /"message":"The engine of model \\"far\\" did not respond: .*"code":"MODEL_SERVER_UNREACHABLE"/);
    assert.equal(text.includes(cut), false, 'its address is not for clients');
    assert.equal(last.type === 'chat.error' && last.error.code, 'MODEL_SERVER_UNREACHABLE');
    assert.equal(socket.frames.filter(({ type }) => type === 'chat.error').length, 1);
    assert.equal(testServer.lamina.runtime.slot('far').busy, 2);
    await bodies[1]!.cancel();
    await socket.close();
  });

  it('that is lost before it has answered is replaced before the client notices', async () => {
    const lost = new AbortController();
    let asked = 0;
    const silent = await remote(() => void asked++);
    const answering = await remote((_, response) => response.end('{"from":"the other"}'));
    await serve(({ failed } = {}) =>
      failed === undefined ? { baseUrl: silent, lost: lost.signal } : { baseUrl: answering },
    );
    const answer = testServer.post('/v1/chat/completions', chat('far'));
    await until('it was asked', () => asked === 1);
    lost.abort(new Error('its machine does not respond'));
    assert.deepEqual(await (await answer).json(), { from: 'the other' });
  });

  it('that refuses is replaced by each other one in turn, until none is new', async () => {
    const gone: string[] = [];
    for (let each = 0; each < 2; each++) {
      const opened = await openRemote(() => undefined);
      gone.push(`${opened.url}/v1`);
      await opened.close();
    }
    const answering = await remote((_, response) => response.end('{"from":"the third"}'));
    const all = [...gone, answering];
    await serve(({ failed } = {}) => ({ baseUrl: all[all.indexOf(failed?.baseUrl ?? '') + 1] ?? all[0]! }));
    const answer = await testServer.post('/v1/chat/completions', chat('far'));
    assert.deepEqual(await answer.json(), { from: 'the third' });
    all.pop();
    const refused = await testServer.post('/v1/chat/completions', chat('far'));
    assert.equal((await errorOf(refused)).code, 'MODEL_SERVER_UNREACHABLE');
  });

  it('is told exactly once how each request that it was given ended', async () => {
    const outcomes: string[] = [];
    let asked: (() => void) | undefined;
    const url = await remote((request, response) => {
      asked?.();
      request.on('data', (body: Buffer) => {
        const { content } = (JSON.parse(body.toString()) as { messages: [{ content: string }] }).messages[0];
        if (content === 'answer') response.end('{}');
        if (content === 'refuse') response.writeHead(400).end('{}');
        if (content === 'cut') response.write('{', () => response.destroy());
      });
    });
    let looks = 0;
    await serve(({ request } = {}) => {
      if (request === undefined) looks++;
      return { baseUrl: url, done: (outcome) => outcomes.push(request === undefined ? 'never sent' : outcome) };
    });
    const post = async (text: string, init?: RequestInit) => {
      const answer = await testServer.post('/v1/chat/completions', chat('far', text), init);
      await answer.text().catch(() => undefined);
    };
    await post('answer');
    await post('refuse');
    await post('cut');
    const client = new AbortController();
    const left = new Promise<void>((resolve) => (asked = resolve));
    const ended = assert.rejects(post('wait', { signal: client.signal }));
    await left;
    client.abort();
    await ended;
    await until('the last has ended', () => outcomes.length === 4);
    assert.deepEqual(outcomes, ['ok', 'ok', 'failed', 'aborted']);
    assert.equal(testServer.lamina.runtime.slot('far').origin, new URL(url).origin);
    assert.ok(looks > 0);
  });

  it('sees the request that it is chosen for', async () => {
    const url = await remote((_, response) => response.end('{}'));
    const seen: unknown[] = [];
    await serve(({ request } = {}) => {
      if (request !== undefined) seen.push([request.route, request.model, request.headers['x-team'], request.json]);
      return { baseUrl: url };
    });
    await testServer.post('/v1/chat/completions', chat('far'), {
      headers: { 'content-type': 'application/json', 'x-team': 'blue' },
    });
    assert.deepEqual(seen, [['chat/completions', 'far', 'blue', chat('far')]]);
  });

  it('to which a connection is not made within 2 s is replaced', async function () {
    this.timeout(10_000); // Without the limit, the system gives up after two minutes.
    const unreachable = await Unreachable.open();
    const answering = await remote((_, response) => response.end('{"from":"the other"}'));
    await serve(({ failed } = {}) => ({ baseUrl: failed === undefined ? unreachable.url : answering }));
    await testServer.lamina.runtime.start('far');
    const answer = await testServer.post('/v1/chat/completions', chat('far'));
    assert.deepEqual(await answer.json(), { from: 'the other' });
    await unreachable.close();
  });
});

/** An address that does not accept connections: a stopped process whose queue of connections is full. */
class Unreachable {
  private constructor(
    readonly url: string,
    private readonly pid: number,
    private readonly exited: Promise<unknown>,
    private readonly fillers: readonly Socket[],
  ) {}

  static async open(): Promise<Unreachable> {
    const program =
      "const server = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))";
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const [port] = (await once(child.stdout, 'data')) as [Buffer];
    process.kill(child.pid!, 'SIGSTOP');
    const fillers = Array.from({ length: 8 }, () =>
      connect(Number(port.toString()), '127.0.0.1').on('error', () => undefined),
    );
    await once(fillers[0]!, 'connect');
    return new Unreachable(`http://127.0.0.1:${port.toString().trim()}/v1`, child.pid!, exited, fillers);
  }

  async close(): Promise<void> {
    for (const filler of this.fillers) filler.destroy();
    process.kill(this.pid, 'SIGKILL');
    await this.exited;
  }
}

function chunk(content: string): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
}
