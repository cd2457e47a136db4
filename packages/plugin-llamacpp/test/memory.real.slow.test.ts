// The memory estimate, and the dry run, against the memory that a real llama-server holds once a context is full.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { createLamina } from '@lamina/core';
import type { Backend, MemoryEstimate, Model } from '@lamina/core/plugin';
import { llamaCppBackend } from '../dist/backend.js';
import type { ModelOptions } from '../dist/options.js';
import { writeArchitecture, type Architecture, type Sizes } from './architectures.js';
import { describeReal, Ground, llamaServer, post, quiet } from './real-server.js';

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
    title: 'four requests that share a context',
    architecture: 'llama',
    options: { context_length: 1024, parallel: 4, extra_args: ['-kvu'] },
  },
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
  {
    title: 'a sliding window of four requests',
    architecture: 'gemma3',
    sizes: { layers: 6 },
    options: { context_length: 1024, parallel: 4 },
  },
  {
    title: 'a sliding window in a shared context',
    architecture: 'gemma3',
    sizes: { layers: 6 },
    options: { context_length: 1024, parallel: 4, extra_args: ['-kvu'] },
  },
  { title: 'a window and experts', architecture: 'gpt-oss', options: { context_length: 2048, parallel: 1 } },
  { title: 'compressed keys and values', architecture: 'deepseek2', options: { context_length: 2048, parallel: 1 } },
  { title: 'a recurrent model', architecture: 'mamba', options: { context_length: 2048, parallel: 1 } },
  { title: 'a hybrid with states', architecture: 'jamba', options: { context_length: 2048, parallel: 1 } },
  { title: 'a hybrid with short convolutions', architecture: 'lfm2', options: { context_length: 2048, parallel: 1 } },
];

describeReal('the memory estimate and the real llama-server', () => {
  const heading = 'MiB: held | estimate | dry run | printed: context + scratch space';
  const rows: string[] = [];
  let ground: Ground;
  beforeEach(async function () {
    if (platform() !== 'linux') this.skip(); // Only Linux tells the memory of a process without that of mapped files.
    ground = await Ground.open();
  });
  afterEach(() => ground.close());
  after(() => console.log([heading, ...rows].join('\n')));

  for (const { title, architecture, sizes, options } of cases) {
    it(`agree within -10 % and +60 % for ${title}`, async function () {
      this.timeout(120_000);
      await writeArchitecture(ground.path('model.gguf'), architecture, sizes);
      const model = await described(ground.folder);
      const set = { cache_ram: 0, ...options };
      const backend = llamaCppBackend().create('llama.cpp', { executable: llamaServer });
      const estimate = (await backend.estimateMemory!(model, set, machine)) ?? assert.fail('There is no estimate.');
      const measured = (await measure(backend, model, set, estimate)) ?? assert.fail('The dry run says nothing.');
      const verbose = [...(options.extra_args ?? []), '-lv', '4'];
      const { server, lines } = await ground.start(model, { options: { ...set, extra_args: verbose } });
      const { context_length = 0, parallel = 1 } = options;
      await Promise.all(Array.from({ length: parallel }, (_, slot) => fill(server, context_length - 64, slot)));
      const held = Number(/RssAnon:\s+(\d+) kB/.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))![1]) / 1024;
      const numbers = [estimate, measured].map(({ hostBytes }) => hostBytes / mebibyte);
      const compared = numbers.map((each) => `${each.toFixed(1)} (${Math.round((each / held - 1) * 100)} %)`);
      const printed = `${printedMebibytes(lines, 'KV|RS')} + ${printedMebibytes(lines, 'compute')}`;
      const row = `${title}: ${[held.toFixed(1), ...compared, printed].join(' | ')}`;
      rows.push(row);
      for (const each of numbers) assert.ok(each >= 0.9 * held && each <= 1.6 * held, row);
    });
  }
});

/** What the engine says in a dry run. */
function measure(
  backend: Backend,
  model: Model,
  options: ModelOptions,
  estimate: MemoryEstimate,
): Promise<MemoryEstimate | undefined> {
  const signal = AbortSignal.timeout(20_000);
  const guard = () => () => undefined;
  return backend.measureMemory!(
    model,
    { threads: 1, ...options },
    { signal, log: quiet, env: process.env, machine, estimate, guard },
  );
}

/** The sum of the buffers of this kind that a server printed. */
function printedMebibytes(lines: readonly string[], kind: string): string {
  const pattern = new RegExp(`(?:${kind}) buffer size = +([\\d.]+) MiB`);
  return lines.reduce((sum, line) => sum + Number(pattern.exec(line)?.[1] ?? 0), 0).toFixed(1);
}

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
