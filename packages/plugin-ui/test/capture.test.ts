// Prompts and answers are kept only when the operator wants that, only in memory, and only a limited part of them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '@lamina/core';
import { createServer } from '@lamina/server-koa';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import { ui } from '@lamina/plugin-ui';

interface Text {
  readonly text: string;
  readonly cut: boolean;
}
interface Captured {
  readonly prompt: readonly ({ readonly role: string } & Text)[];
  readonly omitted_messages: number;
  readonly reasoning: Text;
  readonly answer: Text;
  readonly tool_calls: Text;
}

const whole = (text: string): Text => ({ text, cut: false });
const kilobytes64 = 64 * 1024;

describe('capture of prompts and answers', function () {
  this.timeout(30_000);
  /** What is closed after a test, the last first. */
  const closings: (() => Promise<unknown>)[] = [];
  let url: string;
  let warnings: string[];

  afterEach(async () => {
    for (const close of closings.splice(0).toReversed()) await close();
  });

  async function start(options: Parameters<typeof ui>[0], engineUrl?: string): Promise<void> {
    warnings = [];
    const ignore = (): void => undefined;
    const warn = (_data: object, message: string): void => void warnings.push(message);
    const log: Logger = { debug: ignore, info: ignore, warn, error: warn, child: () => log };
    const lamina = await createTestLamina({
      log,
      plugins: [fakePlugin(), ui(options)],
      files: { 'model.fake': 'x' },
      manifest: {
        ...(engineUrl === undefined ? {} : { backends: { far: { type: 'remote', base_url: engineUrl } } }),
        models: {
          tiny: { path: 'model.fake', backend: 'fake', options: { reasoning: 'Let me count.' } },
          ...(engineUrl === undefined ? {} : { far: { backend: 'far' } }),
        },
      },
    });
    const server = createServer(lamina, { port: 0, apiKeys: [{ key: 'all' }, { key: 'chat', scope: 'inference' }] });
    url = await server.listen();
    closings.push(async () => {
      const closed = server.close();
      await lamina.close();
      await closed;
    });
  }

  /** An engine with one answer: a body, or the chunks of a stream. */
  async function startEngine(answer: object | readonly object[]): Promise<string> {
    const engine = createHttpServer((request, response) => {
      request.resume();
      if (request.method === 'GET') return void response.end('{"data":[{"id":"far"}]}');
      const isStream = Array.isArray(answer);
      response.setHeader('content-type', isStream ? 'text/event-stream' : 'application/json');
      if (!isStream) return void response.end(JSON.stringify(answer));
      for (const chunk of answer) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      response.end('data: [DONE]\n\n');
    }).listen(0, '127.0.0.1');
    await once(engine, 'listening');
    closings.push(async () => {
      engine.closeAllConnections();
      engine.close();
      await once(engine, 'close');
    });
    return `http://127.0.0.1:${(engine.address() as AddressInfo).port}/v1`;
  }

  const get = (path: string, key = 'all') => fetch(`${url}${path}`, { headers: { authorization: `Bearer ${key}` } });
  const list = async () => (await get('/ui/capture')).json() as Promise<{ on: boolean; requests: string[] }>;
  const read = async (request: string) => (await get(`/ui/capture/${request}`)).json() as Promise<Captured>;

  /** Sends a request and returns its id, when it has been answered. */
  async function send(route: string, body: object): Promise<string> {
    const response = await fetch(`${url}/v1/${route}`, {
      method: 'POST',
      headers: { authorization: 'Bearer all', 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', ...body }),
    });
    await response.text();
    return response.headers.get('x-request-id')!;
  }

  const messages = [
    { role: 'system', content: 'Be brief.' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Count.' },
        { type: 'image_url', image_url: { url: 'data:' } },
      ],
    },
  ];

  it('is off without the option: nothing is kept, and nothing is said', async () => {
    await start(undefined);
    const id = await send('chat/completions', { messages });
    assert.deepEqual(await list(), { on: false, requests: [] });
    assert.equal((await get(`/ui/capture/${id}`)).status, 404);
    assert.deepEqual(warnings, []);
  });

  it('is written in the log when it is on, once', async () => {
    await start({ capture: true });
    await send('chat/completions', { messages });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /^Capture is on: the prompts and answers of the last 50 requests are kept in memory/);
  });

  it('keeps a streamed chat: messages, reasoning and answer', async () => {
    await start({ capture: true });
    const id = await send('chat/completions', { messages, stream: true });
    assert.deepEqual(await list(), { on: true, requests: [id] });
    assert.deepEqual(await read(id), {
      prompt: [
        { role: 'system', ...whole('Be brief.') },
        { role: 'user', ...whole('Count.\n[image_url]') },
      ],
      omitted_messages: 0,
      reasoning: whole('Let me count.'),
      answer: whole('tiny: 1 2 3 4'),
      tool_calls: whole(''),
    });
  });

  it('keeps a whole chat, and completions of both kinds', async () => {
    await start({ capture: true });
    const chat = await read(await send('chat/completions', { messages }));
    assert.deepEqual(chat.answer, whole('tiny: 1 2 3 4'));
    for (const stream of [true, false]) {
      const { prompt, answer } = await read(await send('completions', { prompt: 'Once upon a time', stream }));
      assert.deepEqual(prompt, [{ role: 'prompt', ...whole('Once upon a time') }]);
      assert.deepEqual(answer, whole('tiny: 1 2 3 4'));
    }
  });

  it('keeps tool calls: those of a body, those of a stream, and those in messages', async () => {
    const message = {
      content: null,
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } },
        { id: 'b', type: 'function', function: { name: 'time', arguments: '{}' } },
      ],
    };
    const calls = 'weather {"city":"Bern"}\ntime {}';
    await start({ capture: true }, await startEngine({ choices: [{ index: 0, message }] }));
    const sent = [
      { role: 'assistant', ...message },
      { role: 'tool', content: 'sunny' },
    ];
    const { prompt, tool_calls } = await read(await send('chat/completions', { model: 'far', messages: sent }));
    assert.deepEqual(tool_calls, whole(calls));
    assert.deepEqual(prompt, [
      { role: 'assistant', ...whole(calls) },
      { role: 'tool', ...whole('sunny') },
    ]);
  });

  it('puts the pieces of streamed tool calls together', async () => {
    const call = (index: number, called: object) => ({
      choices: [{ index: 0, delta: { tool_calls: [{ index, function: called }] } }],
    });
    const chunks = [
      call(0, { name: 'weather', arguments: '' }),
      call(0, { arguments: '{"city":' }),
      call(0, { arguments: '"Bern"}' }),
      call(1, { name: 'time', arguments: '{}' }),
    ];
    await start({ capture: true }, await startEngine(chunks));
    const id = await send('chat/completions', { model: 'far', messages, stream: true });
    assert.deepEqual((await read(id)).tool_calls, whole('weather {"city":"Bern"}\ntime {}'));
  });

  it('cuts long texts, and says so', async () => {
    const content = 'ä'.repeat(kilobytes64);
    await start({ capture: true }, await startEngine({ choices: [{ message: { content } }] }));
    const long = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content },
    ];
    const { prompt, omitted_messages, answer } = await read(
      await send('chat/completions', { model: 'far', messages: long }),
    );
    for (const part of [answer, prompt[0]!]) {
      assert.equal(part.cut, true);
      assert.equal(part.text, 'ä'.repeat(kilobytes64 / 2));
    }
    assert.deepEqual([prompt.length, omitted_messages], [1, 1]);
  });

  it('keeps the last messages of a long conversation', async () => {
    await start({ capture: true });
    const long = Array.from({ length: 1000 }, (_, index) => ({ role: 'user', content: `number ${index}` }));
    const { prompt, omitted_messages } = await read(await send('chat/completions', { messages: long }));
    assert.deepEqual(prompt.at(-1), { role: 'user', ...whole('number 999') });
    assert.equal(prompt.length + omitted_messages, 1000);
    assert.ok(omitted_messages > 400, String(omitted_messages));
  });

  it('keeps the last 50 requests', async () => {
    await start({ capture: true });
    const ids: string[] = [];
    for (let count = 0; count < 52; count += 1) ids.push(await send('completions', { prompt: `number ${count}` }));
    assert.deepEqual((await list()).requests, ids.slice(2));
    assert.equal((await get(`/ui/capture/${ids[0]}`)).status, 404);
  });

  it('passes answers of any form on as they are', async () => {
    const odd = { choices: [7, { index: 0, message: { content: 3, tool_calls: [1, { function: 'no' }] } }] };
    await start({ capture: true }, await startEngine(odd));
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer all' },
      body: JSON.stringify({ model: 'far', messages: ['no message', { content: 'x', role: 9 }] }),
    });
    assert.deepEqual(await response.json(), odd);
    const { prompt, answer } = await read(response.headers.get('x-request-id')!);
    assert.deepEqual(prompt, [{ role: 'other', ...whole('x') }]);
    assert.deepEqual(answer, whole('3'));
  });

  it('keeps nothing of embeddings', async () => {
    await start({ capture: true });
    await send('embeddings', { input: 'one' });
    assert.deepEqual((await list()).requests, []);
  });

  it('needs the scope manage', async () => {
    await start({ capture: true });
    const id = await send('chat/completions', { messages });
    for (const path of ['/ui/capture', `/ui/capture/${id}`]) assert.equal((await get(path, 'chat')).status, 403, path);
  });
});
