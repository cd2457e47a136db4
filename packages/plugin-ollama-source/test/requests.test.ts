import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina, type Plugin } from '@lamina/core';
import type { JsonObject } from '@lamina/core/plugin';
import { fakePlugin } from '@lamina/testing';
import { ollamaSource } from '../dist/index.js';

describe('a request for a model from Ollama', () => {
  let folder: string;
  let lamina: Lamina;

  const preset: Plugin = {
    name: 'preset',
    setup: ({ hooks }) =>
      hooks.describeModel.tap((model) => (model.name === 'preset' ? { ...model, of: 'short' } : undefined)),
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-ollama-'));
    const parameters = { temperature: 0.6, stop: ['<|end|>'], num_predict: 128, num_ctx: 4096, num_thread: 8 };
    const file = { path: join(folder, 'm.fake') };
    await writeFile(file.path, 'x');
    lamina = await createLamina({
      plugins: [fakePlugin(), ollamaSource({ adopt: false }), preset],
      modelsDir: folder,
      log: 'silent',
      manifest: {
        models: {
          tuned: { ...file, aliases: ['short'], download: { ollama: { model: 'x', parameters, system: 'Be brief.' } } },
          preset: {},
          plain: { ...file, download: { ollama: { model: 'y' } } },
        },
      },
    });
  });
  after(async () => {
    await lamina.close();
    await rm(folder, { recursive: true });
  });

  /** The body sent to the engine; `undefined`: the bytes of the client. */
  async function sent(model: string, json: JsonObject, route = 'chat/completions'): Promise<JsonObject | undefined> {
    const body = Buffer.from(JSON.stringify({ model, ...json }));
    const open = await lamina.inference.open(
      { route, model, headers: {}, body },
      { signal: AbortSignal.timeout(10_000) },
    );
    open.finish({ status: 200, served: true });
    const sent = open.body()!;
    return sent === body ? undefined : (JSON.parse(sent.toString()) as JsonObject);
  }
  const hello = { role: 'user', content: 'Hello' };

  it('gets the parameters and the system prompt of the model', async () => {
    assert.deepEqual(await sent('tuned', { messages: [hello] }), {
      model: 'tuned',
      temperature: 0.6,
      stop: ['<|end|>'],
      max_tokens: 128,
      messages: [{ role: 'system', content: 'Be brief.' }, hello],
    });
  });

  it('keeps the values of the client', async () => {
    const system = { role: 'developer', content: 'Be long.' };
    assert.deepEqual(
      await sent('tuned', { temperature: 0, stop: 'x', max_completion_tokens: 9, messages: [system, hello] }),
      undefined,
    );
  });

  it('is treated the same by an alias, and without messages', async () => {
    assert.equal((await sent('short', { messages: [hello] }))?.['temperature'], 0.6);
    assert.deepEqual(await sent('tuned', { prompt: 'Once' }, 'completions'), {
      model: 'tuned',
      temperature: 0.6,
      stop: ['<|end|>'],
      max_tokens: 128,
      prompt: 'Once',
    });
  });

  it('is treated the same by the name of a model that this one answers for', async () => {
    const sentBody = await sent('preset', { messages: [hello] });
    assert.deepEqual([sentBody?.['model'], sentBody?.['temperature']], ['tuned', 0.6]);
  });

  it('is unchanged for other routes and other models', async () => {
    assert.equal(await sent('tuned', { input: 'text' }, 'embeddings'), undefined);
    assert.equal(await sent('plain', { messages: [hello] }), undefined);
  });
});
