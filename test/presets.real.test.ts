// Presets of one model on a real llama-server, over HTTP and over a WebSocket.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@lamina/client';
import { createLamina, type Lamina } from '@lamina/core';
import { virtualModels } from '@lamina/plugin-virtual-models';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, post } from './support/client.js';
import { describeReal, realLlama, writeModels } from './support/engine.js';

describeReal('presets on a real llama-server', function () {
  this.timeout(60_000);
  let directory: string;
  let lamina: Lamina;
  let server: Server;
  let url: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-presets-'));
    await writeModels(directory, ['base']);
    lamina = await createLamina({
      modelsDir: directory,
      manifest: {
        models: {
          base: { path: 'base.gguf' },
          wordy: { of: 'base', system: 'Answer with a sentence that has many words.' },
          short: { of: 'base', parameters: { max_tokens: 2 } },
          broken: { path: 'base.gguf', backend: 'nowhere', fallback: ['wordy'] },
        },
      },
      plugins: [realLlama(), virtualModels()],
      log: 'silent',
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  });
  after(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close({ signal: AbortSignal.abort() });
    await rm(directory, { recursive: true, force: true });
  });

  async function ask<T>(route: string, body: object): Promise<T> {
    const response = await post(`${url}/v1/${route}`, body);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text) as T;
  }

  interface Completion {
    readonly choices: readonly [{ readonly finish_reason: string; readonly message: { readonly content: string } }];
    readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
  }
  const chat = (model: string, more: object = {}) => ask<Completion>('chat/completions', chatBody(model, 'hi', more));

  it('have the context and the capabilities of their model before it starts', async () => {
    const response = await fetch(`${url}/v1/models`);
    const { data } = (await response.json()) as { data: { id: string; capabilities: string[]; size: number }[] };
    const [base, wordy] = ['base', 'wordy'].map((name) => data.find(({ id }) => id === name)!);
    assert.ok(base!.capabilities.includes('chat') && base!.size > 0);
    assert.deepEqual({ ...wordy, id: 'base' }, base);
  });

  it('share one engine, each with its own prompt and parameters', async () => {
    const [base, wordy, short] = await Promise.all(['base', 'wordy', 'short'].map((model) => chat(model)));
    assert.equal(base!.choices[0].message.content, 'I am base.');
    assert.equal(wordy!.choices[0].message.content, 'I am base.');
    assert.ok(wordy!.usage.prompt_tokens > base!.usage.prompt_tokens);
    assert.deepEqual([short!.choices[0].finish_reason, short!.usage.completion_tokens], ['length', 2]);
    assert.equal((await chat('short', { max_tokens: 20 })).choices[0].finish_reason, 'stop');
    assert.deepEqual(
      lamina.runtime.slots().map(({ model }) => model),
      ['base'],
    );
  });

  it('set the prompt of the APIs of Anthropic and of responses', async () => {
    const tokens = async (model: string) => {
      const message = { model, max_tokens: 20, messages: [{ role: 'user', content: 'hi' }] };
      const { usage } = await ask<{ usage: { input_tokens: number; cache_read_input_tokens: number } }>(
        'messages',
        message,
      );
      const response = await ask<{ usage: { input_tokens: number } }>('responses', { model, input: 'hi' });
      return [usage.input_tokens + usage.cache_read_input_tokens, response.usage.input_tokens];
    };
    const [base, wordy] = [await tokens('base'), await tokens('wordy')];
    assert.ok(wordy[0]! > base[0]!, JSON.stringify([wordy, base]));
    assert.ok(wordy[1]! > base[1]!, JSON.stringify([wordy, base]));
  });

  it('answer chats over a WebSocket, also as fallbacks', async () => {
    const client = connect(url);
    try {
      const messages = [{ role: 'user' as const, content: 'hi' }];
      const counts: number[] = [];
      for (const model of ['short', 'base', 'broken']) {
        const stream = client.chat({ model, messages, stream_options: { include_usage: true } });
        for await (const { usage } of stream) if (usage) counts.push(usage.completion_tokens!);
      }
      assert.equal(counts[0], 2);
      assert.equal(counts[1], counts[2]);
      assert.ok(counts[1]! > 2);
    } finally {
      client.close();
    }
  });
});
