import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Model } from '@lamina/core/plugin';
import { ollamaSource } from '../dist/index.js';
import { digestOf, manifestOf, type Layers } from './registry-server.js';
import { all, contextFor, sourceOf } from './source-kit.js';

describe('an Ollama store', () => {
  let store: string;
  beforeEach(async () => (store = await mkdtemp(join(tmpdir(), 'lamina-ollama-'))));
  afterEach(() => rm(store, { recursive: true }));

  const blob = (content: string) => join(store, 'blobs', digestOf(content).replace(':', '-'));

  /** Stores a model as Ollama does: `host/namespace/model/tag`. */
  async function storeModel(path: string, layers: Layers, config: object = {}): Promise<void> {
    const blobs: [string, Buffer][] = [];
    const text = manifestOf(layers, config, (digest, content) => void blobs.push([digest, content]));
    await mkdir(join(store, 'blobs'), { recursive: true });
    for (const [digest, content] of blobs) await writeFile(join(store, 'blobs', digest.replace(':', '-')), content);
    await mkdir(dirname(join(store, 'manifests', path)), { recursive: true });
    await writeFile(join(store, 'manifests', path), text);
  }

  async function adopted(env: Record<string, string> = { OLLAMA_MODELS: store }): Promise<Model[]> {
    return all((await sourceOf(ollamaSource(), env)).adopt?.(contextFor()));
  }

  it('provides its models in place, under the names that Ollama shows', async () => {
    await storeModel('registry.ollama.ai/library/llama3.2/3b', [
      ['model', 'A'],
      ['projector', 'P'],
      ['params', '{"num_ctx":2048,"temperature":1}'],
    ]);
    await storeModel('registry.ollama.ai/someone/tuned/latest', [['model', 'B']]);
    await storeModel('hf.co/Org/Repo-GGUF/Q8_0', [['model', 'C']]);
    const models = await adopted();
    assert.deepEqual(
      models.map(({ name, aliases }) => [name, ...aliases]),
      [['hf.co/Org/Repo-GGUF:Q8_0'], ['llama3.2:3b'], ['someone/tuned:latest', 'someone/tuned']],
    );
    const llama = models[1]!;
    assert.deepEqual(llama.files, [
      { role: 'weights', path: blob('A'), bytes: 1 },
      { role: 'projector', path: blob('P'), bytes: 1 },
    ]);
    assert.deepEqual([llama.format, llama.from, llama.options], ['gguf', 'adopted', { context_length: 2048 }]);
  });

  it('provides a model with an adapter as two that share a process', async () => {
    await storeModel('registry.ollama.ai/library/mine/latest', [
      ['model', 'A'],
      ['adapter', 'L'],
    ]);
    const [base, tuned] = await adopted();
    assert.deepEqual([base?.name, base?.base, base?.files[0]?.role], ['mine:latest/base', undefined, 'weights']);
    assert.deepEqual(
      [tuned?.name, tuned?.base, tuned?.aliases, tuned?.files],
      ['mine:latest', 'mine:latest/base', ['mine'], [{ role: 'adapter', path: blob('L'), bytes: 1 }]],
    );
  });

  it('skips what cannot be opened: cloud models, tensors, incomplete blobs, damaged manifests', async () => {
    await storeModel('registry.ollama.ai/library/huge/cloud', [], { remote_host: 'https://ollama.com' });
    await storeModel('registry.ollama.ai/library/mlx/latest', [['tensor', 'T']], { model_format: 'safetensors' });
    await storeModel('registry.ollama.ai/library/half/latest', [['model', 'HALF']]);
    await truncate(blob('HALF'), 2);
    await storeModel('registry.ollama.ai/library/gone/latest', [['model', 'GONE']]);
    await rm(blob('GONE'));
    await writeFile(join(store, 'manifests/registry.ollama.ai/library/gone/odd'), '{"layers"');
    await storeModel('registry.ollama.ai/library/whole/latest', [['model', 'WHOLE']]);
    assert.deepEqual(
      (await adopted()).map(({ name }) => name),
      ['whole:latest'],
    );
  });

  it('is found in the default folder, and only in OLLAMA_MODELS when it is set', async () => {
    const parent = store;
    store = join(parent, '.ollama', 'models');
    await storeModel('registry.ollama.ai/library/tiny/latest', [['model', 'A']]);
    const found = async (env: Record<string, string>) =>
      (await adopted(env)).map(({ name }) => name).includes('tiny:latest');
    assert.equal(await found({ HOME: parent }), true);
    assert.equal(await found({ HOME: parent, OLLAMA_MODELS: join(parent, 'none') }), false);
    store = parent;
  });

  it('is ignored when it is disabled', async () => {
    assert.equal((await sourceOf(ollamaSource({ adopt: false }), { OLLAMA_MODELS: store })).adopt, undefined);
  });
});
