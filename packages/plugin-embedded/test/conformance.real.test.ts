import { writeFile } from 'node:fs/promises';
import type { ModelServer } from '@lamina/core/plugin';
import { backendConformance, testedVersion, tinyGguf } from '@lamina/testing';
import { embeddedBackend } from '../dist/backend.js';
import { busy, describeReal, engineDirectory, Ground, modelOf } from './real-engine.js';

describeReal('the embedded engine passes the backend conformance suite', function () {
  this.timeout(60_000);
  let ground: Ground;
  before(async () => void (ground = await Ground.open()));
  after(() => ground.close());

  // Slow enough that a response is in progress when a test interferes.
  const slow = { layers: 8, embeddingLength: 512 };
  const kit = {
    type: embeddedBackend('/nonexistent'),
    options: { directory: engineDirectory, threads: 1, context_length: 1024 },
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
      return modelOf(paths[0], { name: 'tiny-a', metadata });
    },
    async brokenModel() {
      await writeFile(ground.path('broken.gguf'), 'GGUF');
      return modelOf(ground.path('broken.gguf'), { name: 'broken' });
    },
    busy,
    says: () => 'Hello from the model tiny-a.',
    contextOption: 'context_length',
    embedding: { embeddings: true },
    reach: {
      options: { parallel: 3 },
      verify: ({ info }: ModelServer) => {
        if (info.parallel !== 3) throw new Error(`It computes ${info.parallel} at once.`);
      },
    },
    skip: { 'a server responds after sleep and wake': 'node-llama-cpp frees memory only by disposing of the model' },
  };
  before(async function () {
    Object.assign(this, { engine: 'embedded: node-llama-cpp', version: await testedVersion(kit) });
  });

  for (const { name, skip, run } of backendConformance(kit)) {
    if (skip === undefined) it(name, run);
    else it.skip(`${name} (skipped: ${skip})`, run);
  }
});
