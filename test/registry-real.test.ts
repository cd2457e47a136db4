import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger, PluginContext, Source, SourceContext } from '@lamina/core/plugin';
import { tinyGguf } from '@lamina/testing';
import { ollamaSource } from '@lamina/plugin-ollama-source';
import { describeWith, dockerRegistry, nginx } from './support/nginx.js';
import { RealRegistry } from './support/registry.js';

const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};
const context = (): SourceContext => ({ signal: AbortSignal.timeout(10_000), log: quiet, fetch: globalThis.fetch });

describeWith({ nginx, 'docker-registry': dockerRegistry }, 'the source ollama at a real registry', () => {
  let folder: string;
  let registry: RealRegistry;
  let source: Source;
  let weights: Buffer;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-registry-'));
    const path = join(folder, 'tiny.gguf');
    await tinyGguf(path);
    weights = await readFile(path);
    registry = await RealRegistry.open(folder);
    await registry.push(
      'library/tiny:1b',
      [
        ['model', weights],
        ['template', '{{ .Prompt }}'],
        ['params', '{"temperature":0.5,"num_ctx":1024}'],
      ],
      { model_format: 'gguf', model_family: 'llama', file_type: 'F32' },
    );
    const plugin = ollamaSource({ adopt: false });
    await plugin.setup(
      {
        env: {},
        hooks: { beforeRequest: { tap: () => undefined } },
        addSource: (one: Source) => (source = one),
        extend: () => undefined,
      } as unknown as PluginContext,
      plugin.options as never,
    );
  });
  after(async () => {
    await registry.close();
    await rm(folder, { recursive: true });
  });

  for (const [how, hosts] of [
    ['by a redirect', () => [registry.host, registry.storeHost]],
    ['at once', () => [registry.plainHost, registry.plainHost]],
  ] as const) {
    it(`provides a model whose blobs come ${how}`, async () => {
      const [named, store] = hosts();
      const plan = (await source.resolve({ model: `${named}/library/tiny:1b` }, context()))!;
      assert.deepEqual(
        [plan.model.path, plan.model.quantization, plan.model.options],
        ['tiny-1b.gguf', 'F32', { context_length: 1024 }],
      );
      const file = plan.files[0]!;
      assert.deepEqual([file.bytes, file.sha256], [weights.length, createHash('sha256').update(weights).digest('hex')]);
      const { url, headers = {} } = await source.locate(file, plan, context());
      assert.equal(new URL(url).host, store);
      const part = await fetch(url, {
        headers: { ...headers, range: 'bytes=1000-', 'accept-encoding': 'identity', connection: 'close' },
      });
      assert.equal(part.status, 206);
      assert.ok(Buffer.from(await part.arrayBuffer()).equals(weights.subarray(1000)));
    });
  }

  it('reports what is missing', async () => {
    await assert.rejects(source.resolve({ model: `${registry.host}/library/tiny:none` }, context()), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /does not have this model or tag/,
    });
    await assert.rejects(source.resolve({ model: `${registry.host}/library/none` }, context()), {
      code: 'SOURCE_MODEL_NOT_FOUND',
    });
  });
});
