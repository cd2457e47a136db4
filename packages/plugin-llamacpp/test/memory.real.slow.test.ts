// The memory estimate against the memory that a real llama-server holds once a context is full.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { createLamina } from '@lamina/core';
import type { Model } from '@lamina/core/plugin';
import { llamaCppBackend } from '../dist/backend.js';
import type { ModelOptions } from '../dist/options.js';
import { writeArchitecture, type Architecture, type Sizes } from './architectures.js';
import { describeReal, Ground, llamaServer, post } from './real-server.js';

const mebibyte = 1024 * 1024;
const machine = { totalBytes: 2 ** 34, freeBytes: 2 ** 34, cores: 1, devices: [] };

interface Case {
  readonly title: string;
  readonly architecture: Architecture;
  readonly sizes?: Sizes;
  readonly options: ModelOptions;
}

const cases: readonly Case[] = [
  { title: 'a short context', architecture: 'llama', options: { context_length: 512, parallel: 1 } },
  { title: 'a longer context', architecture: 'llama', options: { context_length: 3072, parallel: 1 } },
  { title: 'two requests at once', architecture: 'llama', options: { context_length: 1024, parallel: 2 } },
  { title: 'slots that share a context', architecture: 'llama', options: { context_length: 2048 } },
  {
    title: 'quantized keys and values',
    architecture: 'llama',
    options: { context_length: 2048, parallel: 1, cache_type_k: 'q8_0', cache_type_v: 'q4_0' },
  },
  { title: 'small steps', architecture: 'llama', options: { context_length: 2048, parallel: 1, ubatch_size: 128 } },
  { title: 'large steps', architecture: 'llama', options: { context_length: 2048, parallel: 1, ubatch_size: 1024 } },
  {
    title: 'no flash attention',
    architecture: 'llama',
    options: { context_length: 2048, parallel: 1, flash_attention: 'off' },
  },
  {
    title: 'weights that are not mapped',
    architecture: 'llama',
    options: { context_length: 1024, parallel: 1, mmap: false },
  },
  {
    title: 'a wide feed-forward part',
    architecture: 'llama',
    sizes: { layers: 2, feedForwardLength: 8192 },
    options: { context_length: 2048, parallel: 1 },
  },
  {
    title: 'a large vocabulary',
    architecture: 'llama',
    sizes: { layers: 2, vocabularySize: 128_000 },
    options: { context_length: 2048, parallel: 1 },
  },
  {
    title: 'a sliding window',
    architecture: 'gemma3',
    sizes: { layers: 6 },
    options: { context_length: 2048, parallel: 1 },
  },
  { title: 'a window and experts', architecture: 'gpt-oss', options: { context_length: 2048, parallel: 1 } },
  { title: 'compressed keys and values', architecture: 'deepseek2', options: { context_length: 2048, parallel: 1 } },
  { title: 'a recurrent model', architecture: 'mamba', options: { context_length: 2048, parallel: 1 } },
  { title: 'a hybrid with states', architecture: 'jamba', options: { context_length: 2048, parallel: 1 } },
  { title: 'a hybrid with short convolutions', architecture: 'lfm2', options: { context_length: 2048, parallel: 1 } },
];

describeReal('the memory estimate and the real llama-server', () => {
  const rows: string[] = [];
  let ground: Ground;
  beforeEach(async function () {
    if (platform() !== 'linux') this.skip(); // Only Linux tells the memory of a process without that of mapped files.
    ground = await Ground.open();
  });
  afterEach(() => ground.close());
  after(() => console.log(rows.join('\n')));

  for (const { title, architecture, sizes, options } of cases) {
    it(`agree within -10 % and +60 % for ${title}`, async function () {
      this.timeout(120_000);
      await writeArchitecture(ground.path('model.gguf'), architecture, sizes);
      const model = await described(ground.folder);
      const set = { cache_ram: 0, ...options };
      const backend = llamaCppBackend().create('llama.cpp', { executable: llamaServer });
      const estimated = (await backend.estimateMemory!(model, set, machine))!.hostBytes / mebibyte;
      const { server } = await ground.start(model, { options: set });
      const { context_length = 0, parallel = 1 } = options;
      await Promise.all(Array.from({ length: parallel }, (_, slot) => fill(server, context_length - 64, slot)));
      const held = Number(/RssAnon:\s+(\d+) kB/.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))![1]) / 1024;
      const row = `${title}: ${held.toFixed(1)} MiB held, ${estimated.toFixed(1)} estimated`;
      rows.push(`${row}, ${Math.round((estimated / held - 1) * 100)} %`);
      assert.ok(estimated >= 0.9 * held && estimated <= 1.6 * held, row);
    });
  }
});

/** The model with the metadata that Lamina reads from its header. */
async function described(modelsDir: string): Promise<Model> {
  const lamina = await createLamina({
    modelsDir,
    log: 'silent',
    manifest: { models: { model: { path: 'model.gguf' } } },
  });
  try {
    return await lamina.models.describe('model');
  } finally {
    await lamina.close();
  }
}

/** Fills a slot with a prompt of so many tokens; prompts of different slots share no beginning. */
async function fill(server: Parameters<typeof post>[0], tokens: number, slot: number): Promise<void> {
  const { status, json } = await post(server, 'completions', { prompt: Array(tokens).fill(40 + slot), max_tokens: 1 });
  assert.equal(status, 200, JSON.stringify(json));
}
