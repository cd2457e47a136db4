import { writeFile } from 'node:fs/promises';
import type { ModelServer } from '@lamina/core/plugin';
import { backendConformance, testedVersion, tinyGguf } from '@lamina/testing';
import { llamaCppBackend } from '../dist/backend.js';
import { fileOnDisk, modelOf } from './model.js';
import { describeReal, Ground, llamaServer } from './real-server.js';

describeReal('llama.cpp passes the backend conformance suite', () => {
  let ground: Ground;
  before(async () => void (ground = await Ground.open()));
  after(() => ground.close());

  // Slow enough that a response is in progress when a test interferes: about 300 tokens a second.
  const slow = { layers: 8, embeddingLength: 512 };
  const kit = {
    type: llamaCppBackend(),
    options: { executable: llamaServer, threads: 1, context_length: 1024 },
    env: process.env,
    async model() {
      const { paths } = await tinyGguf(ground.path('tiny-a.gguf'), { name: 'tiny-a', ...slow });
      const metadata = {
        layers: 8,
        heads: 4,
        kvHeads: 2,
        keyLength: 128,
        valueLength: 128,
        embeddingLength: 512,
        contextLength: 2048,
      };
      return modelOf({ name: 'tiny-a', files: [await fileOnDisk('weights', paths[0])], metadata });
    },
    async brokenModel() {
      await writeFile(ground.path('broken.gguf'), 'GGUF');
      return modelOf({ name: 'broken', files: [await fileOnDisk('weights', ground.path('broken.gguf'))] });
    },
    async busy(server: ModelServer) {
      const { baseUrl, headers = {} } = server.endpoint();
      const response = await fetch(new URL('/slots', baseUrl), { headers: { ...headers, connection: 'close' } });
      return ((await response.json()) as { is_processing: boolean }[]).filter((slot) => slot.is_processing).length;
    },
    says: () => 'Hello from the model tiny-a.',
    contextOption: 'context_length',
    embedding: { embeddings: true, pooling: 'mean' },
    reach: {
      options: { parallel: 3 },
      verify: ({ info }: { info: { parallel?: number } }) => {
        if (info.parallel !== 3) throw new Error(`It has ${info.parallel} slots.`);
      },
    },
    skip: {
      'a server responds after sleep and wake': 'llama-server sleeps when it is idle, not on request',
    },
  };

  before(async function () {
    Object.assign(this, { engine: 'llama.cpp', version: await testedVersion(kit) });
  });
  for (const { name, skip, run } of backendConformance(kit)) {
    if (skip === undefined) it(name, run);
    else it.skip(`${name} (skipped: ${skip})`, run);
  }
});
