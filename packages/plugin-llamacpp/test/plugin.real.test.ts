import assert from 'node:assert/strict';
import { createLamina, type Lamina } from '@lamina/core';
import { tinyAdapter, tinyGguf } from '@lamina/testing';
import { llamacpp } from '../dist/index.js';
import { describeReal, Ground, llamaServer } from './real-server.js';

describeReal('the llama.cpp plugin in a Lamina', () => {
  let ground: Ground;
  let lamina: Lamina;

  before(async () => {
    ground = await Ground.open();
    const base = { name: 'base', alternatives: [' Arr, matey.'] };
    await tinyGguf(ground.path('base.gguf'), base);
    await tinyAdapter(ground.path('pirate.gguf'), { base, say: ' Arr, matey.' });
    lamina = await createLamina({
      plugins: [llamacpp({ executable: llamaServer!, threads: 1, context_length: 512 })],
      modelsDir: ground.folder,
      env: process.env,
      log: 'silent',
      manifest: {
        models: {
          base: { path: 'base.gguf', backend: 'llama-cpp', options: { parallel: 2 } },
          pirate: { path: 'pirate.gguf', base: 'base' },
          odd: { path: 'base.gguf', options: { reasoning: 'perhaps' } },
        },
      },
    });
  });
  after(async () => {
    await lamina.close();
    await ground.close();
  });

  async function chat(model: string): Promise<string> {
    const json = { model, messages: [{ role: 'user', content: 'Hello?' }], max_tokens: 32 };
    const open = await lamina.inference.open(
      { route: 'chat/completions', model, headers: {}, body: Buffer.from(JSON.stringify(json)) },
      { signal: AbortSignal.timeout(15_000) },
    );
    const { baseUrl, headers = {} } = open.lease.endpoint();
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', connection: 'close' },
      body: open.body()!,
    });
    const answer = (await response.json()) as { choices: { message: { content: string } }[] };
    open.finish({ status: response.status, served: true });
    return answer.choices[0]!.message.content;
  }

  it('serves a model and its adapter from one process', async () => {
    assert.equal(await chat('base'), 'Hello from the model base.');
    assert.equal(await chat('pirate'), 'Arr, matey.');
    assert.equal(await chat('base'), 'Hello from the model base.');
    assert.deepEqual(
      lamina.runtime.slots().map(({ model }) => model),
      ['base'],
    );
  });

  it('tells the token counts of a stream whose client did not ask for them', async () => {
    const json = { model: 'base', messages: [{ role: 'user', content: 'Hello?' }], max_tokens: 32 };
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
    const request = { route: 'chat/completions', model: 'base', headers: {}, body };
    await lamina.inference.forward(request, sink, { signal });
    const { prompt_tokens, completion_tokens, finish_reason } = await finished;
    assert.deepEqual(
      [prompt_tokens, completion_tokens, finish_reason],
      [asked.usage?.prompt_tokens, asked.usage?.completion_tokens, 'stop'],
    );
    assert.ok(!/^data:.*"usage":/m.test(Buffer.concat(bytes).toString()));
  });

  it('passes a model the options of the plugin and its own', () => {
    const { info, capacity } = lamina.runtime.slot('base');
    assert.deepEqual([info?.contextLength, info?.parallel, capacity], [512, 2, 2]);
  });

  it('reports the engine that was found', async () => {
    const [backend] = await lamina.backends.list();
    assert.equal(backend?.name, 'llama.cpp');
    assert.ok(backend.availability.available && /\d/.test(backend.availability.version ?? ''));
  });

  it('rejects an invalid option by name, before any start', async () => {
    await assert.rejects(lamina.runtime.start('odd'), { code: 'CONFIG_INVALID', message: /reasoning/ });
  });
});
