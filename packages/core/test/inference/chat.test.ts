// Chats and embeddings in process: typed, streamed, cancellable, with hooks and usage.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LaminaError, type ChatCompletionChunk, type ChatPart, type Lamina, type LaminaEvent } from '@lamina/core';
import type { InferenceRequest, Plugin, PluginContext } from '@lamina/core/plugin';
import { createTestLamina, fakePlugin } from '@lamina/testing';

const messages = [{ role: 'user', content: 'hi' }];

describe('a chat in process', () => {
  let lamina: Lamina;
  let context: PluginContext;
  let inSetup: unknown;
  const seen: InferenceRequest[] = [];
  const events: LaminaEvent[] = [];
  const observer: Plugin = {
    name: 'observer',
    setup(given) {
      context = given;
      try {
        context.inference.chat({ model: 'tiny', messages });
      } catch (error) {
        inSetup = error;
      }
      context.hooks.beforeRequest.tap((request) => void seen.push(request));
    },
  };
  /** Answers with tool calls in pieces, and with embeddings in another order. */
  const answers = createServer((request, response) => {
    request.resume();
    if (request.url === '/v1/models') return void response.end('{"data":[{"id":"remote"}]}');
    const vectors = [2, 0, 1].map((index) => ({ index, embedding: [index, index] }));
    if (request.url === '/v1/embeddings')
      return void response.end(JSON.stringify({ data: vectors, model: 'remote', usage: { prompt_tokens: 3 } }));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const call = (index: number, id: string | undefined, name: string | undefined, text: string) => ({
      delta: { tool_calls: [{ index, id, function: { name, arguments: text } }] },
    });
    const choices = [
      { delta: { role: 'assistant', reasoning_content: 'Let me ' } },
      { delta: { reasoning_content: 'look.' } },
      call(0, 'a', 'weather', '{"city":'),
      call(0, undefined, undefined, '"Berlin"}'),
      call(1, undefined, 'time', '{}'),
      { delta: {}, finish_reason: 'tool_calls' },
    ];
    response.end(choices.map((choice) => `data: ${JSON.stringify({ choices: [choice] })}\n\n`).join(''));
  });

  before(async () => {
    await listening(answers);
    const base_url = `http://127.0.0.1:${(answers.address() as AddressInfo).port}/v1`;
    const entry = (options: object = {}) => ({ path: 'model.fake', backend: 'fake', options });
    lamina = await createTestLamina({
      files: { 'model.fake': 'a fake model' },
      plugins: [fakePlugin(), observer],
      limits: { maxLoaded: 4 },
      manifest: {
        backends: { far: { type: 'remote', base_url } },
        models: {
          tiny: entry(),
          endless: entry({ chunk_bytes: 4096 }),
          refusing: entry({ status: 418 }),
          dying: entry({ crash: 'mid_stream' }),
          remote: { backend: 'far' },
        },
      } as never,
    });
    lamina.events.onAny((event) => void events.push(event));
  });
  beforeEach(() => {
    seen.splice(0);
    events.splice(0);
  });
  after(async () => {
    await lamina.close({ signal: AbortSignal.abort() });
    await new Promise((resolve) => answers.close(resolve));
  });

  const finished = () => events.filter((event) => event.type === 'request.finished');
  const endless = (signal?: AbortSignal) =>
    lamina.chat(
      { model: 'endless', messages: [{ role: 'user', content: '/count' }] },
      signal === undefined ? {} : { signal },
    );

  it('is read as chunks, and then has its usage and finish reason', async () => {
    const stream = lamina.chat({ model: 'tiny', messages, temperature: 0 });
    const chunks: ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    assert.equal(text, 'tiny: 1 2 3 4');
    assert.deepEqual([stream.finishReason, stream.usage?.completion_tokens], ['stop', 5]);
    assert.deepEqual([seen[0]!.json!['temperature'], seen[0]!.caller.via, seen[0]!.id], [0, 'process', stream.id]);
    assert.deepEqual(
      finished().map(({ request, completion_tokens }) => [request, completion_tokens]),
      [[stream.id, 5]],
    );
  });

  it('tells how long it waited for its model to load, if it did', async () => {
    const loads: boolean[] = [];
    await lamina.runtime.stop('tiny');
    for (let count = 0; count < 2; count++)
      await lamina.chat({ model: 'tiny', messages }, { onWaited: ({ loadMs }) => loads.push(loadMs > 0) }).text();
    assert.deepEqual(loads, [true]);
  });

  it('is read as a text, or as a message with reasoning and tool calls', async () => {
    assert.equal(await lamina.chat({ model: 'tiny', messages }).text(), 'tiny: 1 2 3 4');
    const { tool_calls: calls, ...message } = await lamina.chat({ model: 'remote', messages }).message();
    assert.deepEqual(message, { role: 'assistant', reasoning_content: 'Let me look.' });
    assert.deepEqual(
      calls!.map((call) => call.function),
      [
        { name: 'weather', arguments: '{"city":"Berlin"}' },
        { name: 'time', arguments: '{}' },
      ],
    );
    assert.equal(calls![0]!.id, 'a');
    assert.match(calls![1]!.id, /^call_./);
  });

  it('is read in parts, in which every piece of a tool call has the id and the name of the call', async () => {
    const parts: ChatPart[] = [];
    for await (const part of lamina.chat({ model: 'remote', messages }).parts()) parts.push(part);
    const { id } = parts[4] as Extract<ChatPart, { type: 'tool_call' }>;
    const piece = (index: number, id: string, name: string, text: string) =>
      ({ type: 'tool_call', index, id, name, arguments: text }) as const;
    assert.deepEqual(parts, [
      { type: 'reasoning', text: 'Let me ' },
      { type: 'reasoning', text: 'look.' },
      piece(0, 'a', 'weather', '{"city":'),
      piece(0, 'a', 'weather', '"Berlin"}'),
      piece(1, id, 'time', '{}'),
    ]);
  });

  it('keeps its model as long as it says', async () => {
    await lamina.chat({ model: 'tiny', messages }, { keepAlive: Infinity }).text();
    assert.equal(lamina.runtime.slot('tiny').idleAt, undefined);
    await lamina.chat({ model: 'tiny', messages }).text();
    assert.ok(lamina.runtime.slot('tiny').idleAt !== undefined);
  });

  it('does nothing before it is read, and is read once', async () => {
    const stream = lamina.chat({ model: 'tiny', messages });
    await lamina.chat({ model: 'tiny', messages }).text();
    assert.ok(finished().every(({ request }) => request !== stream.id));
    assert.ok(events.every((event) => !('request' in event && event.request === stream.id)));
    await stream.text();
    await assert.rejects(stream.text(), /read already/);
  });

  it('has ended the work of the engine when its reader has left the loop', async () => {
    for await (const _chunk of endless()) break;
    assert.equal(lamina.runtime.slot('endless').busy, 0);
    assert.deepEqual(
      finished().map(({ status, cut }) => [status, cut]),
      [[499, true]],
    );
  });

  it('ends when its signal is aborted', async () => {
    const controller = new AbortController();
    const reading = async () => {
      for await (const _chunk of endless(controller.signal)) controller.abort();
    };
    await assert.rejects(reading(), (error) => LaminaError.is(error, 'ABORTED'));
    assert.equal(lamina.runtime.slot('endless').busy, 0);
  });

  it('lets the engine wait while nobody reads', async () => {
    const reader = endless()[Symbol.asyncIterator]();
    await reader.next();
    for (let count = 0; count < 10; count++) await lamina.chat({ model: 'tiny', messages }).text();
    // What can be read without waiting for the engine is what was kept.
    let isKept = true;
    let kept = 0;
    setImmediate(() => (isKept = false));
    for (; isKept && kept < 1000; kept++) await reader.next();
    assert.ok(kept < 200, `${kept} chunks were kept`);
    for (let count = 0; count < 1000; count++) await reader.next(); // It goes on.
    await reader.return?.(undefined);
  });

  it('throws what a request fails with, and an engine’s refusal with its own status and error', async () => {
    const fails = (model: string, options: Parameters<Lamina['chat']>[1] = {}) =>
      lamina
        .chat({ model, messages }, options)
        .text()
        .then(
          () => assert.fail('it was answered'),
          (error: unknown) => LaminaError.from(error),
        );
    assert.equal((await fails('nowhere')).code, 'MODEL_NOT_FOUND');
    assert.equal((await fails('')).code, 'REQUEST_INVALID');
    assert.equal((await fails('tiny', { signal: AbortSignal.abort() })).code, 'ABORTED');
    const late = AbortSignal.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    assert.equal((await fails('tiny', { signal: late })).code, 'ABORTED');
    assert.equal(finished().at(-1)!.status, 499);
    assert.equal((await fails('dying')).code, 'MODEL_SERVER_EXITED');
    const refusal = await fails('refusing');
    assert.deepEqual([refusal.code, refusal.status, refusal.retryable], ['ENGINE_REFUSED', 418, false]);
    assert.deepEqual(refusal.toWire().message, 'Told to answer 418');
    assert.equal(refusal.message, 'Told to answer 418');
  });

  it('runs on behalf of its caller, with the id and the headers it is given', async () => {
    const caller = { name: 'phone', scopes: ['inference'], via: 'http' } as const;
    const headers = { 'x-team': 'blue', authorization: 'Bearer secret' };
    await lamina.chat({ model: 'tiny', messages }, { id: 'mine', caller, headers }).text();
    const { id, caller: asked, headers: passed } = seen[0]!;
    assert.deepEqual([id, asked, passed['x-team'], passed['authorization']], ['mine', caller, 'blue', undefined]);
    assert.equal(finished()[0]!.key, 'phone');
  });

  it('tells its progress', async () => {
    await lamina.runtime.stop('tiny');
    const kinds = new Set<string>();
    await lamina.chat({ model: 'tiny', messages }, { onProgress: ({ kind }) => void kinds.add(kind) }).text();
    assert.deepEqual([...kinds].sort(), ['loading', 'queued']);
  });

  it('is open to plugins, except during their setup', async () => {
    assert.ok(LaminaError.is(inSetup, 'PLUGIN_FAILED') && /observer.*during its setup/.test(inSetup.message));
    assert.equal(await context.inference.chat({ model: 'tiny', messages }).text(), 'tiny: 1 2 3 4');
  });

  it('has completions beside it, without a template, in the same way', async () => {
    const stream = lamina.inference.complete({ model: 'tiny', prompt: 'Once' });
    const texts: string[] = [];
    for await (const { choices } of stream) texts.push(choices[0]?.text ?? '');
    assert.ok(texts.join('').startsWith('tiny:'), texts.join(''));
    assert.deepEqual([stream.finishReason, (stream.usage?.completion_tokens ?? 0) > 0], ['stop', true]);
    assert.deepEqual([seen.at(-1)!.route, seen.at(-1)!.json!['prompt']], ['completions', 'Once']);
    assert.equal(await context.inference.complete({ model: 'tiny', prompt: 'Once' }).text(), texts.join(''));
    await assert.rejects(
      lamina.inference.complete({ model: 'refusing', prompt: 'Once' }).text(),
      (error) => LaminaError.is(error, 'ENGINE_REFUSED') && error.status === 418,
    );
  });

  it('has embeddings beside it, in the order of the inputs', async () => {
    const { embeddings, usage } = await lamina.embed({ model: 'remote', input: ['a', 'b', 'c'] });
    assert.deepEqual([embeddings.map(([first]) => first), usage?.prompt_tokens], [[0, 1, 2], 3]);
    assert.equal((await context.inference.embed({ model: 'tiny', input: 'a' })).embeddings.length, 1);
    await assert.rejects(
      lamina.embed({ model: 'refusing', input: 'a' }),
      (error) => LaminaError.is(error, 'ENGINE_REFUSED') && error.status === 418,
    );
    await assert.rejects(lamina.embed({ model: 'tiny', input: 'a' }, { signal: AbortSignal.abort() }), /cancelled/);
  });
});

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}
