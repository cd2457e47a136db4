import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina } from '@lamina/core';
import type { Json } from '@lamina/core/plugin';
import { tinyGguf } from '@lamina/core/testing';
import { hfSource } from '@lamina/plugin-hf-source';
import { ollamaSource } from '@lamina/plugin-ollama-source';
import { llamaServer, realLlama } from './support/engine.js';
import { describeWith, dockerRegistry, nginx } from './support/nginx.js';
import { NginxHub } from './support/nginx-hub.js';
import { RealRegistry } from './support/registry.js';

describeWith({ nginx, 'docker-registry': dockerRegistry, 'llama-server': llamaServer }, 'a model pulled from a real server', function () {
  this.timeout(60_000);
  let folder: string;
  let hub: NginxHub;
  let registry: RealRegistry;
  let lamina: Lamina;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-pull-'));
    const { paths } = await tinyGguf(join(folder, 'tiny-Q8_0.gguf'), { name: 'hub', shards: 2 });
    await tinyGguf(join(folder, 'tiny.gguf'), { name: 'registry' });
    hub = await NginxHub.open(join(folder, 'nginx'), paths);
    registry = await RealRegistry.open(join(folder, 'registry'));
    await registry.push('library/tiny:1b', [['model', await readFile(join(folder, 'tiny.gguf'))], ['params', '{"temperature":0,"num_ctx":512}']], { file_type: 'F32' });
    lamina = await createLamina({ plugins: [realLlama(), hfSource({ endpoint: hub.url, adopt: false }), ollamaSource({ adopt: false })], modelsDir: join(folder, 'models'), log: 'silent' });
  });
  after(async () => {
    await lamina.close();
    await hub.close();
    await registry.close();
    await rm(folder, { recursive: true });
  });

  async function pullAndAsk(reference: Json, source: string, name: string): Promise<string> {
    const { id } = await lamina.downloads.start({ reference, source, name });
    assert.equal((await lamina.downloads.wait(id)).state, 'finished');
    const json = { model: name, messages: [{ role: 'user', content: 'Hello?' }], max_tokens: 32 };
    const open = await lamina.requests.open({ route: 'chat/completions', model: name, headers: {}, json }, { signal: AbortSignal.timeout(30_000) });
    const { baseUrl, headers = {} } = open.lease.endpoint();
    const response = await fetch(`${baseUrl}/chat/completions`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json', connection: 'close' }, body: JSON.stringify(open.body ?? json) });
    const answer = (await response.json()) as { choices: { message: { content: string } }[] };
    open.finish({ status: response.status, served: true });
    return answer.choices[0]!.message.content;
  }

  it('from the Hub answers at once, its shards verified', async () => {
    assert.match(await pullAndAsk('org/tiny:Q8_0', 'huggingface', 'from-hub'), /Hello from the model hub/);
    assert.equal(lamina.models.get('from-hub')?.entry.quantization, 'Q8_0');
  });

  it("from a registry answers at once, with the package's own options and parameters in its entry", async () => {
    assert.match(await pullAndAsk({ model: `${registry.host}/library/tiny:1b` }, 'ollama', 'from-registry'), /Hello from the model registry/);
    const { entry } = lamina.models.get('from-registry')!;
    assert.deepEqual(entry.options, { context_length: 512 });
    assert.deepEqual(entry.download, { ollama: { model: `${registry.host}/library/tiny:1b`, parameters: { temperature: 0, num_ctx: 512 } } });
  });
});
