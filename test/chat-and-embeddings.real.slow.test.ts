// A chat model and an embedding model side by side, with the default limits, as a retrieval application uses them.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina } from '@lamina/core';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, post } from './support/client.js';
import { describeReal, realLlama, writeModels } from './support/engine.js';

describeReal('chat and embedding models under default settings', function () {
  this.timeout(300_000);
  let directory: string;
  let lamina: Lamina;
  let server: Server;
  let url: string;
  const started: string[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-alternate-'));
    await writeModels(directory, ['chat', 'vectors']);
    const vectors = { path: 'vectors.gguf', options: { embeddings: true, pooling: 'mean' } };
    lamina = await createLamina({
      modelsDir: directory,
      manifest: { models: { chat: { path: 'chat.gguf' }, vectors } },
      plugins: [realLlama()],
    });
    lamina.events.on('model.ready', ({ model }) => started.push(model));
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  });
  after(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('no swap in 100 alternating calls', async () => {
    let [chats, embeddings] = [0, 0];
    for (let call = 0; call < 50; call++) {
      const chat = await post(`${url}/v1/chat/completions`, chatBody('chat'));
      const { choices } = (await chat.json()) as { choices?: { message: { content: string } }[] };
      assert.deepEqual([chat.status, choices?.[0]?.message.content.trim()], [200, 'I am chat.']);
      chats += 1;
      const embedding = await post(`${url}/v1/embeddings`, { model: 'vectors', input: `text ${call}` });
      const { data } = (await embedding.json()) as { data?: { embedding: number[] }[] };
      assert.equal(embedding.status, 200);
      assert.ok(data![0]!.embedding.length > 0);
      embeddings += 1;
    }
    console.log(`      ${chats} chats and ${embeddings} embeddings in turns, starts: ${started.join(', ')}`);
    assert.deepEqual(started, ['chat', 'vectors']);
  });
});
