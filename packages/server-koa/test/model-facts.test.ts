// What clients learn of a model from /v1/models and /models/<name>: before it runs from its files, then from its engine.
import assert from 'node:assert/strict';
import { check } from '@lamina/core';
import { servedModelsSchema, type ModelDetail, type ServedModel, type ServedModels } from '@lamina/core/protocol';
import { tinyGguf } from '@lamina/testing';
import { inside, startTestServer, type TestServer } from './support/test-server.js';

describe('what clients learn of a model', () => {
  let testServer: TestServer;

  before(async () => {
    testServer = await startTestServer({
      models: { plain: {} },
      entries: {
        trained: { path: 'tiny.gguf', backend: 'fake', aliases: ['other'] },
        chosen: { path: 'tiny.gguf', backend: 'fake', options: { context_length: 777 } },
        beyond: { path: 'tiny.gguf', backend: 'fake', options: { context_length: 1_000_000 } },
        adapter: { path: 'adapter.gguf', base: 'chosen' },
        labelled: { path: 'model.fake', backend: 'fake', quantization: 'Q4_0' },
      },
    });
    await tinyGguf(inside(testServer, 'tiny.gguf'), { contextLength: 2048, type: 'q8_0' });
    await tinyGguf(inside(testServer, 'adapter.gguf'));
    await testServer.lamina.models.reload();
  });
  after(() => testServer.close());

  async function list(): Promise<Map<string, ServedModel>> {
    const answer = (await (await fetch(`${testServer.url}/v1/models`)).json()) as ServedModels;
    assert.deepEqual(check(servedModelsSchema, answer), []);
    return new Map(answer.data.map((model) => [model.id, model]));
  }
  const detail = async (name: string) =>
    (await (await fetch(`${testServer.url}/models/${name}`)).json()) as ModelDetail;

  it('has the facts under the names that agents, vLLM and llama-server use, from the files while it is stopped', async () => {
    const { size, meta, ...model } = (await list()).get('trained')!;
    assert.deepEqual(model, {
      id: 'trained',
      object: 'model',
      created: model.created,
      owned_by: 'lamina',
      state: 'stopped',
      context_length: 2048,
      max_model_len: 2048,
      capabilities: ['chat', 'tools', 'reasoning'],
      quantization: 'Q8_0',
      architecture: { input_modalities: ['text'], output_modalities: ['text'] },
    });
    assert.ok(size! > 10_000);
    const { n_ctx, n_ctx_train, ftype, n_params } = meta;
    assert.deepEqual([n_ctx, n_ctx_train, ftype, meta.size], [2048, 2048, 'Q8_0', size]);
    assert.ok(n_params! > 1000);
  });

  it('is the same under an alias, and alone', async () => {
    const { id, ...named } = (await list()).get('trained')!;
    const { id: alias, ...other } = (await list()).get('other')!;
    assert.deepEqual([id, alias, named], ['trained', 'other', other]);
    assert.deepEqual(await (await fetch(`${testServer.url}/v1/models/other`)).json(), { id: 'other', ...named });
  });

  it('has the context of its options, and never more than it was trained for', async () => {
    const models = await list();
    assert.equal(models.get('chosen')?.context_length, 777);
    assert.equal(models.get('beyond')?.context_length, 2048);
  });

  it('leaves out what nobody knows', async () => {
    const { created, ...model } = (await list()).get('plain')!;
    const size = 'a fake model'.length;
    assert.deepEqual(model, {
      ...{ id: 'plain', object: 'model', owned_by: 'lamina', state: 'stopped', size },
      meta: { size },
    });
    assert.equal((await list()).get('labelled')?.quantization, 'Q4_0');
    assert.equal((await list()).get('labelled')?.meta.ftype, 'Q4_0');
  });

  it('gives an adapter the context and the capabilities of its base', async () => {
    const { context_length, capabilities } = (await list()).get('adapter')!;
    assert.deepEqual([context_length, capabilities], [777, ['chat', 'tools', 'reasoning']]);
  });

  it('has what the engine reports once it runs, and then again what the files say', async () => {
    await testServer.post('/models/plain/start', '');
    const running = (await list()).get('plain')!;
    assert.deepEqual([running.state, running.context_length, running.meta.n_ctx], ['ready', 4096, 4096]);
    assert.deepEqual((await detail('plain')).context_length, 4096);
    await testServer.post('/models/plain/stop', '');
    assert.equal('context_length' in (await list()).get('plain')!, false);
  });

  it('is in the details of one model too', async () => {
    const { context_length, capabilities, quantization, state, bytes } = await detail('chosen');
    assert.deepEqual(
      { context_length, capabilities, quantization, state },
      { context_length: 777, capabilities: ['chat', 'tools', 'reasoning'], quantization: 'Q8_0', state: 'stopped' },
    );
    assert.equal(bytes, (await list()).get('chosen')?.size);
  });

  it('follows a file that changes', async () => {
    await list();
    await tinyGguf(inside(testServer, 'tiny.gguf'), { contextLength: 1024, type: 'q8_0' });
    await testServer.lamina.models.reload();
    assert.equal((await list()).get('trained')?.context_length, 1024);
  });
});
