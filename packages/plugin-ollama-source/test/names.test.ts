import assert from 'node:assert/strict';
import type { Json, Plugin, PluginContext, Source } from '@lamina/core/plugin';
import { ollamaSource } from '../dist/index.js';
import { contextFor } from './source-kit.js';

/** The URLs requested for a reference; every response is 404. */
async function requestedUrl(reference: Json, plugin: Plugin = ollamaSource()): Promise<string | undefined> {
  const urls: string[] = [];
  let source: Source | undefined;
  const fetch: typeof globalThis.fetch = (url) => {
    urls.push(String(url));
    return Promise.resolve(new Response('', { status: 404 }));
  };
  const lamina = {
    env: {},
    hooks: { beforeRequest: { tap: () => undefined } },
    addSource: (one: Source) => (source = one),
    extend: () => undefined,
  };
  await plugin.setup(lamina as unknown as PluginContext, plugin.options as never);
  await source!
    .resolve(reference, { ...contextFor(), fetch })
    .catch((error: { code?: string }) => assert.equal(error.code, 'SOURCE_MODEL_NOT_FOUND'));
  return urls[0];
}

describe('a model name of Ollama', () => {
  const names: [Json, string][] = [
    ['llama3.2', 'https://registry.ollama.ai/v2/library/llama3.2/manifests/latest'],
    ['llama3.2:3b-instruct-q4_K_M', 'https://registry.ollama.ai/v2/library/llama3.2/manifests/3b-instruct-q4_K_M'],
    [{ model: 'llama3.2:3b' }, 'https://registry.ollama.ai/v2/library/llama3.2/manifests/3b'],
    [{ model: 'llama3.2:3b', parameters: {} }, 'https://registry.ollama.ai/v2/library/llama3.2/manifests/3b'],
    ['someone/model:tag', 'https://registry.ollama.ai/v2/someone/model/manifests/tag'],
    ['ollama:someone/model', 'https://registry.ollama.ai/v2/someone/model/manifests/latest'],
    ['https://ollama.com/library/llama3.2:1b', 'https://registry.ollama.ai/v2/library/llama3.2/manifests/1b'],
    ['https://ollama.com/someone/model', 'https://registry.ollama.ai/v2/someone/model/manifests/latest'],
    ['hf.co/Org/Repo-GGUF:Q8_0', 'https://hf.co/v2/Org/Repo-GGUF/manifests/Q8_0'],
    ['registry.example/team/model', 'https://registry.example/v2/team/model/manifests/latest'],
    ['registry.example:5000/team/model:1', 'https://registry.example:5000/v2/team/model/manifests/1'],
    ['localhost:5000/team/model', 'http://localhost:5000/v2/team/model/manifests/latest'],
    ['127.0.0.1:5000/team/model', 'http://127.0.0.1:5000/v2/team/model/manifests/latest'],
    [{ model: '[::1]:5000/team/model' }, 'http://[::1]:5000/v2/team/model/manifests/latest'],
    [{ model: 'http://registry.example/team/model' }, 'https://registry.example/v2/team/model/manifests/latest'],
  ];
  for (const [reference, url] of names)
    it(`is requested from its registry: ${JSON.stringify(reference)}`, async () =>
      assert.equal(await requestedUrl(reference), url));

  it('is requested over http only where that is allowed', async () => {
    assert.match(
      (await requestedUrl(
        'registry.lan:5000/team/model',
        ollamaSource({ insecure_registries: ['Registry.lan:5000'] }),
      ))!,
      /^http:\/\/registry\.lan:5000\//,
    );
    assert.match(
      (await requestedUrl(
        'registry.lan:5001/team/model',
        ollamaSource({ insecure_registries: ['registry.lan:5000'] }),
      ))!,
      /^https:/,
    );
  });

  it('is not every string, and other strings cause no request', async () => {
    const foreign: Json[] = [
      './model',
      '/models/llama.gguf',
      'models/llama.gguf',
      '~/x',
      'hf:org/name',
      'https://example.com/llama',
      'http://127.0.0.1/a/b',
      'a/b/c/d',
      'a b',
      '',
      'a:b:c',
      '-x',
      'n.s/model',
      { repo_id: 'org/name' },
      ['x'],
      7,
      true,
    ];
    for (const reference of foreign) assert.equal(await requestedUrl(reference), undefined, JSON.stringify(reference));
  });

  it('is rejected when it is invalid and the source is named', async () => {
    for (const model of [7, '', 'a/b/c/d', '../x', 'x'.repeat(90)])
      await assert.rejects(
        async () => {
          const plugin = ollamaSource();
          let source: Source | undefined;
          await plugin.setup(
            {
              env: {},
              hooks: { beforeRequest: { tap: () => undefined } },
              addSource: (one: Source) => (source = one),
              extend: () => undefined,
            } as unknown as PluginContext,
            plugin.options as never,
          );
          await source!.resolve({ model }, contextFor());
        },
        { code: 'REQUEST_INVALID', message: /is not the name of an Ollama model; write it as "llama3\.2:3b"/ },
      );
  });
});
