import assert from 'node:assert/strict';
import { existsSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from '@lamina/core/plugin';
import { tinyGguf } from '@lamina/testing';
import { OllamaServer } from './ollama-server.js';

const modified = new Date('2026-01-02T03:04:05.000Z');
const digest = 'ab'.repeat(32);

describe('the models', function () {
  this.timeout(20_000);
  let server: OllamaServer;
  before(async () => {
    const gguf = { path: 'real.gguf', options: { context_length: 1024 }, digest: `sha256:${digest.toUpperCase()}` };
    server = await OllamaServer.open({
      manifest: { models: { 'Org/Real:q8': gguf, absent: { path: 'absent.gguf', backend: 'fake' } } },
    });
    const path = join(server.lamina.modelsDir, 'real.gguf');
    await tinyGguf(path);
    utimesSync(path, modified, modified);
    await server.lamina.models.reload();
  });
  after(() => server.close());

  const tags = async () => (await server.send('GET', '/api/tags')).lines[0].models as ReturnType<typeof JSON.parse>[];
  const show = async (body: object) => (await server.post('/api/show', body)).lines[0];

  it('are listed with a tag, under their names and aliases, with what clients read', async () => {
    const models = await tags();
    assert.deepEqual(
      models.map(({ name }) => name),
      ['tiny:latest', 'Little:latest', 'plain:latest', 'thinker:latest', 'scripted:latest', 'Org/Real:q8'],
    );
    for (const { name, model, digest: given, details, capabilities, modified_at, size } of models) {
      assert.equal(model, name);
      assert.match(given, /^[0-9a-f]{64}$/);
      assert.ok(Array.isArray(capabilities) && Array.isArray(details.families));
      assert.equal(typeof details.quantization_level, 'string');
      assert.ok(!Number.isNaN(Date.parse(modified_at)));
      assert.equal(typeof size, 'number');
    }
    const [tiny, little] = models;
    assert.equal(tiny.digest, little.digest);
    const real = models.at(-1);
    assert.deepEqual([real.digest, real.modified_at], [digest, modified.toISOString()]);
    assert.deepEqual(
      [real.details.format, real.details.family, real.details.quantization_level],
      ['gguf', 'llama', 'F32'],
    );
    assert.match(real.details.parameter_size, /^\d+(\.\d+)?[KM]$/);
    assert.ok(['completion', 'tools', 'thinking'].every((capability) => real.capabilities.includes(capability)));
  });

  it('are found with and without `latest`, in any case, in every route', async () => {
    const messages = [{ role: 'user', content: 'Hello?' }];
    for (const model of [
      'tiny',
      'tiny:latest',
      'TINY',
      'library/tiny',
      'registry.ollama.ai/library/Tiny:LATEST',
      'little',
    ]) {
      assert.equal((await show({ model })).model_info['general.basename'], 'tiny', model);
      assert.equal((await server.one('/api/chat', { model, messages })).model, model);
      for (const path of ['/api/generate', '/api/embed', '/api/embeddings'])
        assert.equal(
          (await server.post(path, { model, prompt: 'a', input: 'a', stream: false })).status,
          200,
          `${path} ${model}`,
        );
    }
    assert.equal((await show({ name: 'org/real:Q8' })).model_info['general.basename'], 'Org/Real:q8');
    for (const model of ['tiny:7b', 'Org/Real', 'Real:q8']) {
      const { status, lines } = await server.post('/api/show', { model });
      assert.deepEqual([status, lines], [404, [{ error: `model '${model}' not found` }]]);
    }
  });

  it('are shown with what clients read', async () => {
    const real = await show({ model: 'org/real:q8', verbose: true });
    assert.deepEqual(
      Object.entries(real.model_info).filter(([key]) =>
        /architecture|basename|context_length|embedding_length/.test(key),
      ),
      [
        ['general.architecture', 'llama'],
        ['general.basename', 'Org/Real:q8'],
        ['llama.context_length', 1024],
        ['llama.embedding_length', 64],
      ],
    );
    assert.ok(Number.isInteger(real.model_info['general.parameter_count']));
    assert.match(real.parameters, /^num_ctx +1024$/);
    assert.match(real.template, /\btools\b/);
    assert.doesNotMatch(real.template, /\.Suffix/);
    assert.match(real.modelfile, /^# .*\nFROM Org\/Real:q8\n$/);
    assert.equal(real.details.format, 'gguf');
    const thinker = await show({ model: 'thinker' });
    assert.deepEqual(thinker.capabilities, ['completion', 'tools', 'thinking', 'vision']);
    assert.match(thinker.template, /tools/);
    assert.doesNotMatch((await show({ model: 'plain' })).template, /tools/);
  });

  it('whose files are not here are not found, so that clients download them', async () => {
    assert.equal((await server.post('/api/show', { model: 'absent' })).status, 404);
  });

  it('that are loaded are in /api/ps', async () => {
    await server.lamina.runtime.stop('tiny');
    const ps = async () => (await server.send('GET', '/api/ps')).lines[0].models;
    const before = await ps();
    assert.ok(before.every(({ name }: { name: string }) => name !== 'tiny:latest'));
    await server.post('/api/generate', { model: 'tiny', keep_alive: '5m' });
    const tiny = (await ps()).find(({ name }: { name: string }) => name === 'tiny:latest');
    assert.deepEqual([tiny.model, tiny.context_length], ['tiny:latest', 4096]);
    const { reserved } = server.lamina.runtime.slot('tiny').memory!;
    assert.deepEqual([tiny.size, tiny.size_vram], [reserved['host'], 0]);
    assert.match(tiny.digest, /^[0-9a-f]{64}$/);
    assert.ok(Date.parse(tiny.expires_at) > Date.now());
  });

  it('need a name to be shown', async () => {
    const { status, lines } = await server.post('/api/show', {});
    assert.deepEqual([status, lines], [400, [{ error: '"model" is required: the name of a model.' }]]);
  });
});

/** A plugin that offers a model without files. */
const offering: Plugin = {
  name: 'offering',
  setup(lamina) {
    const model = { name: 'offered', files: [], format: 'remote', aliases: [], options: {}, pinned: false, limits: {} };
    lamina.hooks.discoverModels.tap((discovery) => discovery.add({ ...model, from: 'discovered' }));
  },
};

describe('copies and deletions', function () {
  this.timeout(20_000);
  let server: OllamaServer;
  beforeEach(async () => {
    server = await OllamaServer.open({
      plugins: [offering],
      files: { 'one.fake': 'one' },
      manifest: { models: { one: { path: 'one.fake', options: { chunks: 2 }, pinned: false, aliases: ['uno'] } } },
    });
  });
  afterEach(() => server.close());

  const copy = (source: string, destination: string) => server.post('/api/copy', { source, destination });
  const remove = (body: object) => server.send('DELETE', '/api/delete', body);

  it('copy the entry of a model, which has the same files', async () => {
    const { status, text } = await copy('ONE:latest', 'org/two:v1');
    assert.deepEqual([status, text], [200, '']);
    assert.deepEqual(server.lamina.models.get('org/two:v1')?.entry, {
      path: 'one.fake',
      options: { chunks: 2 },
      pinned: false,
    });
    const { message } = await server.one('/api/chat', {
      model: 'Org/Two:v1',
      messages: [{ role: 'user', content: 'a' }],
    });
    assert.equal(message.content, 'org/two:v1: 1');
  });

  it('copy a model that is not in the manifest', async () => {
    const discovered = server.lamina.events.once('model.discovered', {
      signal: AbortSignal.timeout(10_000),
      where: ({ model }) => model === 'found',
    });
    await tinyGguf(join(server.lamina.modelsDir, 'found.gguf'));
    await server.lamina.models.reload();
    await discovered;
    const found = server.lamina.models.get('found')!;
    assert.equal(found.model.from, 'discovered');
    assert.equal((await copy('found:latest', 'mine')).status, 200);
    const { model } = server.lamina.models.get('mine')!;
    assert.deepEqual([model.from, model.files], ['manifest', found.model.files]);
  });

  it('copy nothing over another model, and nothing that is not there', async () => {
    const conflict = await copy('one', 'TINY:latest');
    assert.equal(conflict.status, 409);
    assert.match(conflict.lines[0].error, /"TINY:latest" already exists and will not be overwritten/);
    assert.deepEqual((await copy('none', 'two')).lines, [{ error: "model 'none' not found" }]);
  });

  it('delete the entry and the files of a model, and stop it first', async () => {
    await server.post('/api/generate', { model: 'one' });
    const { status, text } = await remove({ name: 'one:latest' });
    assert.deepEqual([status, text], [200, '']);
    assert.equal(server.lamina.models.get('one'), undefined);
    assert.equal(existsSync(join(server.lamina.modelsDir, 'one.fake')), false);
    assert.equal(server.lamina.runtime.slot('one').state, 'stopped');
    assert.equal((await remove({ model: 'one' })).status, 404);
  });

  it('keep files that a copy uses', async () => {
    await copy('one', 'two');
    assert.equal((await remove({ model: 'one' })).status, 200);
    assert.equal(server.lamina.models.get('two')?.available, true);
  });

  it('say why a model is not deleted', async () => {
    const { status, lines } = await remove({ model: 'offered' });
    assert.equal(status, 409);
    assert.deepEqual(lines, [
      { error: '"offered" was not deleted: it is not in models.yaml, but a plugin offers it.' },
    ]);
  });

  it('delete an alias without its model', async () => {
    assert.equal((await remove({ model: 'Uno' })).status, 200);
    assert.deepEqual(server.lamina.models.get('one')?.model.aliases, []);
    assert.equal(server.lamina.models.get('one')?.available, true);
  });
});

describe('the server', function () {
  this.timeout(20_000);
  let server: OllamaServer;
  before(async () => void (server = await OllamaServer.open()));
  after(() => server.close());

  it('says that Ollama is running, but not to browsers', async () => {
    const { status, type, text } = await server.send('GET', '/', undefined, { accept: '*/*' });
    assert.deepEqual([status, type, text], [200, 'text/plain; charset=utf-8', 'Ollama is running']);
    assert.equal((await server.send('HEAD', '/')).status, 200);
    assert.equal((await server.send('GET', '/', undefined, { accept: 'text/html,*/*' })).status, 404);
  });

  it('has a version that clients accept', async () => {
    const [{ version }] = (await server.send('GET', '/api/version')).lines;
    const [major, minor, patch] = version.split('.').map(Number);
    assert.ok(Number.isInteger(patch) && (major > 0 || minor > 6));
    assert.equal((await server.send('HEAD', '/api/version')).status, 200);
  });

  it('says what to do instead of what it does not support', async () => {
    for (const path of ['/api/create', '/api/push', '/api/blobs/sha256:00']) {
      const { status, lines } = await server.post(path, {});
      assert.equal(status, 501);
      assert.match(lines[0].error, /^Lamina does not .*\. \w+ .*\.$/);
    }
  });
});
