import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createTestLamina, tinyGguf, type TestLamina } from '@lamina/testing';
import { embedded } from '../dist/index.js';
import { describeReal, engineDirectory } from './real-engine.js';

describeReal('a Lamina with the embedded engine alone', function () {
  this.timeout(60_000);
  let lamina: TestLamina;

  before(async () => {
    lamina = await createTestLamina({
      plugins: [embedded({ directory: engineDirectory!, threads: 1, context_length: 512 })],
      env: process.env,
      manifest: {
        models: {
          unsaid: { path: 'tiny.gguf' },
          named: { path: 'tiny.gguf', backend: 'llama.cpp', options: { parallel: 2, cache_type_k: 'q8_0' } },
          split: { path: 'parts-00001-of-00002.gguf' },
        },
      },
    });
    await tinyGguf(join(lamina.modelsDir, 'tiny.gguf'), { name: 'tiny', layers: 8, embeddingLength: 512 });
    await tinyGguf(join(lamina.modelsDir, 'parts.gguf'), { name: 'parts', shards: 2 });
    await lamina.models.reload();
  });
  after(() => lamina.close());

  async function postChat(model: string, content = 'Hello?'): Promise<Response> {
    const json = { model, messages: [{ role: 'user', content }], ...(content === 'Hello?' ? {} : { stream: true }) };
    const open = await lamina.inference.open(
      { route: 'chat/completions', model, headers: {}, body: Buffer.from(JSON.stringify(json)) },
      { signal: AbortSignal.timeout(50_000) },
    );
    const { baseUrl, headers = {} } = open.lease.endpoint();
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', connection: 'close' },
      body: open.body()!,
    });
    open.finish({ status: response.status, served: true });
    return response;
  }
  const chat = async (model: string) =>
    ((await (await postChat(model)).json()) as { choices: { message: { content: string } }[] }).choices[0]!.message
      .content;

  it('serves a model without a backend in its entry', async () => {
    assert.equal(await chat('unsaid'), 'Hello from the model tiny.');
    assert.equal(lamina.runtime.slot('unsaid').backend, 'embedded');
  });

  it('tells the token counts of a stream whose client did not ask for them', async () => {
    const json = { model: 'unsaid', messages: [{ role: 'user', content: 'Hello?' }], max_tokens: 32 };
    const signal = AbortSignal.timeout(50_000);
    const asked = lamina.chat(json, { signal });
    await asked.text();
    const finished = lamina.events.once('request.finished', { signal });
    const body = Buffer.from(JSON.stringify({ ...json, stream: true }));
    const bytes: Buffer[] = [];
    const sink = {
      headersSent: false,
      writableEnded: false,
      writeHead: () => (sink.headersSent = true),
      flushHeaders: () => undefined,
      write: (chunk: Buffer) => bytes.push(chunk) > 0,
      once: () => undefined,
      end: () => undefined,
    };
    const request = { route: 'chat/completions', model: 'unsaid', headers: {}, body };
    await lamina.inference.forward(request, sink, { signal });
    const { prompt_tokens, completion_tokens, finish_reason } = await finished;
    assert.deepEqual(
      [prompt_tokens, completion_tokens, finish_reason],
      [asked.usage?.prompt_tokens, asked.usage?.completion_tokens, 'stop'],
    );
    assert.ok(!/^data:.*"usage":/m.test(Buffer.concat(bytes).toString()));
  });

  it('crashes alone: Lamina keeps running, and the next request gets a new engine', async () => {
    const { pid } = lamina.runtime.slot('unsaid');
    const answer = await postChat('unsaid', '/count');
    const crashed = lamina.events.once('model.failed', { signal: AbortSignal.timeout(20_000) });
    process.kill(pid!, 'SIGSEGV');
    await assert.rejects(answer.text());
    const { error } = await crashed;
    assert.match(error.message, /The embedded engine crashed \(SIGSEGV\)/);
    assert.equal(await chat('unsaid'), 'Hello from the model tiny.');
    assert.notEqual(lamina.runtime.slot('unsaid').pid, pid);
  });

  it('serves a model with backend llama.cpp, with the options that both support', async () => {
    assert.equal(await chat('named'), 'Hello from the model tiny.');
    const { backend, info } = lamina.runtime.slot('named');
    assert.deepEqual([backend, info?.parallel, info?.contextLength], ['embedded', 2, 512]);
  });

  it('serves a model in several parts', async () => assert.equal(await chat('split'), 'Hello from the model parts.'));
});
