// Remote servers: which models they offer, how requests are shared among them, and what happens when one is gone.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ModelEntry } from '@lamina/core';
import type { ServedModels } from '@lamina/core/protocol';
import { watchForLeaks } from '@lamina/testing';
import { openRemote, type Remote } from './support/remote.js';
import { TestSocket } from './support/socket.js';
import { readToEnd } from './support/stream.js';
import { chat, errorOf, startTestServer, until, type TestServer } from './support/test-server.js';

/** A server with OpenAI's API: `stream: true` never ends, anything else is answered with its name. */
class Far {
  /** Requests for completions. */
  asked = 0;
  /** `GET /models`: undefined is 404, a function answers itself. */
  list: unknown;
  /** Nothing is answered. */
  isSilent = false;
  private readonly streams = new Set<ServerResponse>();

  private constructor(
    readonly name: string,
    private readonly remote: Remote,
  ) {}

  static async open(name: string, ...models: string[]): Promise<Far> {
    let far: Far | undefined = undefined;
    const remote = await openRemote((request, response) => (far as Far | undefined)?.answer(request, response));
    far = new Far(name, remote);
    far.list = { object: 'list', data: models.map((id) => ({ id, object: 'model' })) };
    return far;
  }

  get backend(): { type: string; base_url: string } {
    return { type: 'remote', base_url: `${this.remote.url}/v1` };
  }

  /** Ends it as a kill does: every connection breaks, and new ones are refused. */
  async kill(): Promise<void> {
    this.remote.http.closeAllConnections();
    if (!this.remote.http.listening) return;
    this.remote.http.close();
    await once(this.remote.http, 'close');
  }

  /** Starts it again at its port. */
  async revive(): Promise<void> {
    this.remote.http.listen(Number(new URL(this.remote.url).port), '127.0.0.1');
    await once(this.remote.http, 'listening');
  }

  /** Ends in order: new connections are refused, open streams go on. */
  drain(): void {
    this.remote.http.close();
  }

  /** Sends a piece to every open stream. */
  send(): void {
    for (const stream of this.streams) stream.write(piece('more'));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    if (this.isSilent) return;
    if (request.url === '/v1/models') return this.answerList(response);
    this.asked += 1;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { stream } = JSON.parse(Buffer.concat(chunks).toString()) as { stream?: boolean };
      if (stream !== true) return response.end(JSON.stringify({ from: this.name }));
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      return response.write(piece(this.name));
    });
  }

  private answerList(response: ServerResponse): void {
    if (typeof this.list === 'function') return void (this.list as (response: ServerResponse) => void)(response);
    if (this.list === undefined) response.writeHead(404);
    response.end(typeof this.list === 'string' ? this.list : JSON.stringify(this.list ?? {}));
  }
}

describe('remote servers', function () {
  this.timeout(30_000);
  let testServer: TestServer;
  let fars: Far[];
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));
  after(() => noLeaks());

  beforeEach(() => void (fars = []));
  afterEach(async () => {
    await testServer.close();
    await Promise.all(fars.map((far) => far.kill()));
  });

  async function open(name: string, ...models: string[]): Promise<Far> {
    const far = await Far.open(name, ...models);
    fars.push(far);
    return far;
  }

  async function serve(entries: Record<string, ModelEntry> = {}): Promise<void> {
    const backends = Object.fromEntries(fars.map((far) => [far.name, far.backend]));
    testServer = await startTestServer({ lamina: { manifest: { backends, models: entries } } });
  }

  const post = (model: string, more: object = {}) => testServer.post('/v1/chat/completions', chat(model, 'hi', more));
  const from = async (model: string) => ((await (await post(model)).json()) as { from: string }).from;
  const listed = async () => {
    const { data } = (await (await fetch(`${testServer.url}/v1/models`)).json()) as { data: { id: string }[] };
    return data.map(({ id }) => id).sort();
  };

  it('offer the models that they list, without an entry for each', async () => {
    await open('b', 'llama', 'org/big:latest');
    await open('c', 'qwen');
    await serve();
    assert.deepEqual(await listed(), ['llama', 'org/big:latest', 'qwen']);
    assert.equal(await from('llama'), 'b');
    assert.equal(await from('qwen'), 'c');
  });

  it('share the requests for a model that several have, whichever way they are configured', async () => {
    const [b, c] = [await open('b', 'llama'), await open('c', 'llama')];
    await serve({
      any: { backend: 'remote', options: { id: 'llama' } },
      only: { backend: 'b', options: { id: 'llama' } },
    });
    const streams = [];
    for (let each = 0; each < 10; each++) streams.push((await post('any', { stream: true })).body!.getReader());
    assert.deepEqual([b.asked, c.asked], [5, 5]);
    for (const stream of streams.splice(0)) await stream.cancel();
    for (let each = 0; each < 4; each++) assert.equal(await from('only'), 'b');
  });

  it('get the next request when they have the fewest', async () => {
    const [b, c] = [await open('b', 'llama'), await open('c', 'llama')];
    await serve();
    const readers = [];
    for (let each = 0; each < 2; each++) readers.push((await post('llama', { stream: true })).body!.getReader());
    const texts = await Promise.all(readers.map(async (each) => Buffer.from((await each.read()).value!).toString()));
    const onC = texts.findIndex((text) => text.includes('"c"'));
    for (let each = 0; each < 3; each++) {
      await readers[onC]!.cancel();
      await until('it has left', () => testServer.lamina.runtime.slot('llama').busy === 1);
      readers[onC] = (await post('llama', { stream: true })).body!.getReader();
    }
    assert.deepEqual([b.asked, c.asked], [1, 4]);
    for (const reader of readers) await reader.cancel();
  });

  it('that are killed end only their own streams, each with the error event, and others take over', async () => {
    const [b, c] = [await open('b', 'llama'), await open('c', 'llama')];
    await serve();
    const socket = await TestSocket.open(testServer.url);
    const bodies: ReadableStreamDefaultReader<Uint8Array>[] = [];
    for (let each = 0; each < 4; each++) bodies.push((await post('llama', { stream: true })).body!.getReader());
    for (const id of ['one', 'two']) {
      socket.start(id, 'llama');
      await socket.next('chat.chunk', (frame) => frame.id === id);
    }
    const first = await Promise.all(bodies.map(async (body) => Buffer.from((await body.read()).value!).toString()));
    const onB = bodies.filter((_, index) => first[index]!.includes('"b"'));
    assert.deepEqual([onB.length, b.asked, c.asked], [2, 3, 3]);
    await b.kill();
    for (const { text, broken } of await Promise.all(onB.map((body) => readToEnd(body)))) {
      assert.equal(broken, true);
      assert.match(text, /"code":"MODEL_SERVER_UNREACHABLE"/);
    }
    const failed = await socket.next('chat.error');
    assert.equal(failed.error.code, 'MODEL_SERVER_UNREACHABLE');
    for (let each = 0; each < 4; each++) assert.equal(await from('llama'), 'c');
    c.send();
    for (const body of bodies.filter((each) => !onB.includes(each))) {
      assert.match(Buffer.from((await body.read()).value!).toString(), /more/);
      await body.cancel();
    }
    assert.equal(socket.frames.filter(({ type }) => type === 'chat.error').length, 1);
    assert.deepEqual(await listed(), ['llama']);
    await socket.close();
  });

  it('that are dead mean 503 with Retry-After, are not offered, and come back by themselves', async () => {
    const b = await open('b', 'llama');
    await serve({
      named: { backend: 'b', options: { id: 'llama' } },
      other: { backend: 'b', options: { id: 'other' } },
    });
    b.list = { data: [{ id: 'llama' }, { id: 'other' }] };
    assert.equal(await from('named'), 'b');
    await b.kill();
    for (const model of ['named', 'other', 'named']) {
      const answer = await post(model);
      const { code, message } = await errorOf(answer);
      assert.deepEqual([answer.status, code], [503, 'BACKEND_UNREACHABLE'], message);
      assert.match(message, /^Model "\w+" is not available now: b: its server does not respond: connection refused\./);
      assert.ok(Number(answer.headers.get('retry-after')) >= 1);
      assert.equal(message.includes('127.0.0.1'), false, 'its address is not for clients');
    }
    await until('its models are not offered', async () => (await listed()).length === 0);
    const socket = await TestSocket.open(testServer.url);
    socket.start('late', 'named');
    const { last } = await socket.ended('late');
    assert.equal(last.type === 'chat.error' && last.error.code, 'BACKEND_UNREACHABLE');
    await socket.close();
    await b.revive();
    await until('it serves again', async () => (await from('named')) === 'b');
    await until('its models are offered again', async () => (await listed()).length > 0);
  });

  it('that lack a model do not offer it, but a request that names its remote is tried', async () => {
    await open('b', 'llama');
    const unknown = await open('unknown');
    unknown.list = undefined;
    await serve({
      llama: { backend: 'b' },
      ghost: { backend: 'b' },
      any: { backend: 'remote', options: { id: 'nowhere' } },
      unlisted: { backend: 'unknown', options: { id: 'theirs' } },
    });
    assert.deepEqual(await listed(), ['any', 'llama', 'unlisted'], 'a remote without a list may have any model');
    assert.equal(await from('ghost'), 'b');
    assert.equal(await from('unlisted'), 'unknown');
    const { missing } = (await (await fetch(`${testServer.url}/models/ghost`)).json()) as { missing: string[] };
    assert.match(missing.join(), /does not have the model "ghost"; set options\.id/);
  });

  it('cannot take the name of a model of this machine, nor flood the list or break it', async () => {
    const b = await open('b');
    b.list = {
      data: [
        { id: 'tiny' },
        { id: 'good' },
        { id: '../up' },
        { id: 'new\nline' },
        { id: 'x'.repeat(300) },
        { id: 7 },
        null,
        {},
        ...Array.from({ length: 3_000 }, (_, index) => ({ id: `m${index}` })),
      ],
    };
    await serve({ tiny: { path: 'model.fake', backend: 'fake' } });
    const names = await listed();
    assert.equal(names.filter((name) => name === 'tiny').length, 1);
    assert.match(await (await post('tiny')).text(), /tiny: 1 2 3 4/);
    assert.equal(b.asked, 0);
    assert.ok(names.includes('good') && names.length <= 1_001, `${names.length}`);
    assert.equal(
      names.some((name) => /\.\.|\n|x{201}/.test(name)),
      false,
    );
  });

  for (const [what, list] of [
    ['no JSON', 'not a list'],
    ['no end', (response: ServerResponse) => void response.writeHead(200).flushHeaders()],
    ['another shape', { data: { llama: true } }],
  ] as const)
    it(`that answer with ${what} instead of a list still serve what entries name`, async () => {
      const b = await open('b');
      b.list = list;
      await serve({ llama: { backend: 'b' } });
      assert.equal(await from('llama'), 'b');
      assert.deepEqual(await listed(), ['llama']);
    });

  it('are not read further when their list does not end', async () => {
    const b = await open('b');
    let bytes = 0;
    let reading = 0;
    b.list = (response: ServerResponse) => {
      reading += 1;
      response.writeHead(200).on('close', () => (reading -= 1));
      const write = (): void => {
        while (!response.destroyed && response.write(`"${'x'.repeat(10_000)}",`)) bytes += 10_003;
      };
      response.on('drain', write);
      write();
    };
    await serve({ llama: { backend: 'b' } });
    await until('it is disconnected', () => bytes > 0 && reading === 0);
    assert.ok(bytes < 16 * 1024 * 1024, `${bytes} bytes were read`);
    assert.equal(await from('llama'), 'b');
  });

  it('may list as other servers do', async () => {
    const [b, c] = [await open('b'), await open('c')];
    b.list = { models: [{ name: 'llama3:latest', model: 'llama3:latest' }] };
    c.list = ['plain'];
    await serve({ llama3: { backend: 'b' } });
    assert.deepEqual(await listed(), ['llama3', 'llama3:latest', 'plain']);
  });

  it('say what they know of their models: of several contexts the shortest counts, and nonsense is left out', async () => {
    const [b, c] = [await open('b'), await open('c')];
    b.list = {
      data: [
        { id: 'llama', max_model_len: 8192 },
        {
          id: 'local',
          meta: { n_ctx: 512, n_params: 1000, ftype: 'Q8_0' },
          architecture: { input_modalities: ['image'] },
        },
        {
          id: 'odd',
          context_length: -1,
          meta: { ftype: '<b>'.repeat(50) },
          capabilities: ['tools', 'thinking', {}, 7],
        },
      ],
    };
    c.list = { data: [{ id: 'llama', context_length: 4096 }] };
    await serve({ named: { backend: 'b', options: { id: 'local' } } });
    const { data } = (await (await fetch(`${testServer.url}/v1/models`)).json()) as ServedModels;
    const models = new Map(data.map(({ id, object, created, owned_by, state, ...facts }) => [id, facts]));
    const llama = { context_length: 4096, max_model_len: 4096, meta: { n_ctx: 4096, n_ctx_train: 4096 } };
    assert.deepEqual(models.get('llama'), llama);
    assert.deepEqual(models.get('named'), {
      context_length: 512,
      max_model_len: 512,
      quantization: 'Q8_0',
      capabilities: ['vision'],
      architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
      meta: { n_ctx: 512, n_ctx_train: 512, n_params: 1000, ftype: 'Q8_0' },
    });
    const odd = models.get('odd');
    assert.deepEqual(
      [odd?.context_length, odd?.quantization, odd?.capabilities],
      [undefined, undefined, ['tools', 'reasoning']],
    );
    assert.equal(await from('llama').then((name) => ['b', 'c'].includes(name)), true);
    assert.equal(testServer.lamina.runtime.slot('llama').info?.contextLength, 4096, 'hooks and hosts see it too');
  });

  it('that end in order keep their open streams, while new requests go elsewhere', async () => {
    const [b, c] = [await open('b', 'llama'), await open('c', 'llama')];
    await serve();
    const streams = [await post('llama', { stream: true }), await post('llama', { stream: true })];
    const [onB, onC] = b.asked === 1 ? streams.map((each) => each.body!.getReader()) : assert.fail('both are used');
    b.drain();
    const sending = setInterval(() => (b.send(), c.send()), 100);
    for (let each = 0; each < 4; each++) assert.equal(await from('llama'), 'c');
    // Longer than the three checks take that end the streams of a remote that does not send.
    const until = performance.now() + 6_000;
    while (performance.now() < until) assert.equal((await onB!.read()).done, false);
    clearInterval(sending);
    await onB!.cancel();
    await onC!.cancel();
  });

  it('that become silent are left soon: streams end with the error event, new requests are answered by others', async function () {
    this.timeout(15_000); // Without checks, the system would notice after more than a minute. remotes.slow.test measures.
    const [b, c] = [await open('b', 'llama'), await open('c', 'llama')];
    await serve();
    const streams = [await post('llama', { stream: true }), await post('llama', { stream: true })];
    const readers = streams.map((each) => each.body!.getReader());
    const texts = await Promise.all(readers.map(async (each) => Buffer.from((await each.read()).value!).toString()));
    const onB = readers[texts.findIndex((text) => text.includes('"b"'))]!;
    b.isSilent = true;
    const waiting = from('llama');
    const { text, broken } = await readToEnd(onB);
    assert.equal(broken, true);
    assert.match(text, /"code":"MODEL_SERVER_UNREACHABLE"/);
    assert.equal(await waiting, 'c');
    assert.equal(await from('llama'), 'c');
    c.send();
    for (const reader of readers.filter((each) => each !== onB)) {
      assert.match(Buffer.from((await reader.read()).value!).toString(), /more/);
      await reader.cancel();
    }
  });

  it('that think for long are not left, while they answer their checks', async () => {
    const b = await open('b', 'llama');
    await serve();
    const answer = await post('llama', { stream: true });
    const reader = answer.body!.getReader();
    await reader.read();
    const silence = new Promise((resolve) => setTimeout(resolve, 7_000));
    await silence;
    b.send();
    assert.match(Buffer.from((await reader.read()).value!).toString(), /more/);
    await reader.cancel();
  });
});

function piece(content: string): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
}
