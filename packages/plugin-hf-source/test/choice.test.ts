import assert from 'node:assert/strict';
import type { DownloadPlan, Json } from '@lamina/core/plugin';
import { hfSource } from '../dist/index.js';
import { HubServer, sha256 } from './hub-server.js';
import { contextFor, sourceOf } from './source-kit.js';

describe('the files of a model in a repository', () => {
  let hub: HubServer;
  beforeEach(async () => (hub = await HubServer.open()));
  afterEach(() => hub.close());

  async function planFor(names: readonly string[], reference: Json = 'org/name'): Promise<DownloadPlan> {
    hub.repositories.set('org/name', { files: Object.fromEntries(names.map((name) => [name, `content of ${name}`])) });
    const plan = await (await sourceOf(hfSource({ endpoint: hub.url }))).resolve(reference, contextFor());
    assert.ok(plan !== undefined);
    return plan;
  }
  const paths = (plan: DownloadPlan) => plan.files.map(({ path }) => path);

  it('are by default Q4_K_M, else Q8_0, else the first', async () => {
    assert.deepEqual(paths(await planFor(['m-F16.gguf', 'm-Q4_K_M.gguf', 'm-Q8_0.gguf'])), ['m-Q4_K_M.gguf']);
    assert.deepEqual(paths(await planFor(['m-F16.gguf', 'm-Q6_K.gguf', 'm-Q8_0.gguf'])), ['m-Q8_0.gguf']);
    assert.deepEqual(paths(await planFor(['m-Q2_K.gguf', 'm-Q6_K.gguf'])), ['m-Q2_K.gguf']);
    assert.deepEqual(paths(await planFor(['ggml-model-f16.gguf'])), ['ggml-model-f16.gguf']);
  });

  it('have sizes, digests, a name and a quantisation', async () => {
    const plan = await planFor(['m-Q4_K_M.gguf', 'm-Q8_0.gguf'], 'org/name:Q8_0');
    const content = 'content of m-Q8_0.gguf';
    assert.equal(plan.name, 'org/name:Q8_0');
    assert.deepEqual(plan.model, { path: 'm-Q8_0.gguf', quantization: 'Q8_0' });
    assert.deepEqual(
      plan.files.map(({ bytes, sha256: hash }) => [bytes, hash]),
      [[content.length, sha256(content)]],
    );
    assert.equal(plan.source, 'huggingface');
    assert.equal(plan.reference, 'org/name:Q8_0');
  });

  it('are those of the requested label, not of one that ends with it', async () => {
    const all = [
      'm-BF16.gguf',
      'm-F16.gguf',
      'm-IQ4_XS.gguf',
      'm-Q4_K_S.gguf',
      'm-UD-Q4_K_XL.gguf',
      'm.Q5_K_M.gguf',
      'm_Q3_K_L.gguf',
      'm-MXFP4.gguf',
      'm-TQ1_0.gguf',
    ];
    for (const [tag, file] of [
      ['F16', 'm-F16.gguf'],
      ['BF16', 'm-BF16.gguf'],
      ['ud-q4_k_xl', 'm-UD-Q4_K_XL.gguf'],
      ['Q4_K_XL', 'm-UD-Q4_K_XL.gguf'],
      ['Q5_K_M', 'm.Q5_K_M.gguf'],
      ['Q3_K_L', 'm_Q3_K_L.gguf'],
      ['MXFP4', 'm-MXFP4.gguf'],
      ['TQ1_0', 'm-TQ1_0.gguf'],
    ]) {
      assert.deepEqual(paths(await planFor(all, `org/name:${tag}`)), [file]);
    }
  });

  it('are not found for a missing quantisation, and the error names the available ones', async () => {
    await assert.rejects(planFor(['m-Q4_K_M.gguf', 'm-Q8_0.gguf'], 'org/name:Q5_0'), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /org\/name:Q5_0.*it has Q4_K_M, Q8_0/,
    });
    await assert.rejects(planFor(['m-Q4_K_M.gguf', 'm.txt'], { repo_id: 'org/name', filename: 'n.gguf' }), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /no file of that name; it has m-Q4_K_M\.gguf\./,
    });
  });

  it('are all the shards in order, whichever of them is named', async () => {
    const shards = [
      'Q8_0/m-Q8_0-00001-of-00003.gguf',
      'Q8_0/m-Q8_0-00002-of-00003.gguf',
      'Q8_0/m-Q8_0-00003-of-00003.gguf',
    ];
    const expected = shards.map((path) => path.slice('Q8_0/'.length));
    for (const reference of ['org/name:Q8_0', 'org/name', { repo_id: 'org/name', filename: shards[1]! }]) {
      const plan = await planFor([shards[2]!, 'm-Q2_K.gguf', shards[0]!, shards[1]!], reference);
      assert.deepEqual(paths(plan), expected);
      assert.equal(plan.model.path, expected[0]);
    }
  });

  it('are rejected when a shard is missing', async () => {
    await assert.rejects(planFor(['m-Q8_0-00001-of-00003.gguf', 'm-Q8_0-00003-of-00003.gguf']), {
      code: 'SOURCE_UNREACHABLE',
      message: /Of the 3 shards of m-Q8_0 in org\/name, number 2 is missing/,
    });
    await assert.rejects(planFor(['config.json', 'model-00001-of-00002.safetensors']), {
      code: 'SOURCE_UNREACHABLE',
      message: /lacks model-00002-of-00002\.safetensors/,
    });
  });

  it('include the projector of the closest precision, and no other auxiliary file', async () => {
    const plan = await planFor([
      'imatrix.gguf',
      'm-Q4_K_M.gguf',
      'mmproj-m-F32.gguf',
      'mmproj-m-F16.gguf',
      'mmproj-m-Q8_0.gguf',
      'mtp-m-Q4_K_M.gguf',
      'eagle3-m-Q4_K_M.gguf',
      'my-lora-F16.gguf',
    ]);
    assert.deepEqual(paths(plan), ['m-Q4_K_M.gguf', 'mmproj-m-Q8_0.gguf']);
    assert.equal(plan.model.projector, 'mmproj-m-Q8_0.gguf');
  });

  it('include the projector of their own directory before one of a parent, and none of a sibling', async () => {
    const names = ['a/m-Q4_K_M.gguf', 'a/mmproj-F32.gguf', 'b/mmproj-Q4_0.gguf', 'mmproj-Q4_0.gguf'];
    const projector = async (files: readonly string[]) =>
      (await planFor(files)).files.map(({ from }) => ('key' in from ? from.key.split('/').slice(4).join('/') : ''))[1];
    assert.equal(await projector(names), 'a/mmproj-F32.gguf');
    assert.equal(await projector(names.filter((name) => name !== 'a/mmproj-F32.gguf')), 'mmproj-Q4_0.gguf');
    assert.equal(await projector(['a/m-Q4_K_M.gguf', 'b/mmproj-Q4_0.gguf']), undefined);
  });

  it('are only the projector when that file is named', async () => {
    assert.deepEqual(
      paths(await planFor(['m-Q4_K_M.gguf', 'mmproj-F16.gguf'], { repo_id: 'org/name', filename: 'mmproj-F16.gguf' })),
      ['mmproj-F16.gguf'],
    );
  });

  it('are a directory for safetensors: weights, configuration, tokenizer, and no other formats', async () => {
    const included = [
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'chat_template.jinja',
      'config.json',
      'generation_config.json',
      'merges.txt',
      'model.safetensors.index.json',
      'preprocessor_config.json',
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer.model',
      'tokenizer_config.json',
      'vocab.json',
    ];
    const left = [
      '.gitattributes',
      'README.md',
      'consolidated.safetensors',
      'flax_model.msgpack',
      'logo.png',
      'model.fp16.safetensors',
      'modeling_x.py',
      'onnx/model.onnx',
      'original/consolidated.00.pth',
      'pytorch_model.bin',
      'training_args.bin',
    ];
    const plan = await planFor([...left, ...included].sort());
    assert.deepEqual(paths(plan).toSorted(), included.toSorted());
    assert.deepEqual(plan.model, { format: 'safetensors' });
    assert.equal(plan.name, 'org/name');
    assert.deepEqual(
      paths(
        await planFor(['config.json', 'model.safetensors', 'tokenizer.json'], {
          repo_id: 'org/name',
          filename: 'model.safetensors',
        }),
      ),
      ['model.safetensors', 'config.json', 'tokenizer.json'],
    );
  });

  it('are the consolidated weights of Mistral when there are no others', async () => {
    assert.deepEqual(paths(await planFor(['consolidated.safetensors', 'params.json', 'tekken.json'])), [
      'consolidated.safetensors',
      'params.json',
      'tekken.json',
    ]);
  });

  it('are a directory for MLC: configuration, shards, tokenizer', async () => {
    const plan = await planFor([
      'README.md',
      'mlc-chat-config.json',
      'ndarray-cache.json',
      'params_shard_0.bin',
      'params_shard_1.bin',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    assert.deepEqual(paths(plan), [
      'mlc-chat-config.json',
      'ndarray-cache.json',
      'params_shard_0.bin',
      'params_shard_1.bin',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    assert.deepEqual(plan.model, { format: 'mlc' });
  });

  it('are not found in a repository of another kind', async () => {
    await assert.rejects(planFor(['README.md', 'pytorch_model.bin', 'config.json']), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /contains no model that Lamina supports/,
    });
    await assert.rejects(planFor(['config.json', 'model.safetensors'], 'org/name:Q4_K_M'), {
      code: 'SOURCE_MODEL_NOT_FOUND',
      message: /without different quantizations/,
    });
  });

  it('never leave their directory, whatever a listing contains', async () => {
    const plan = await planFor([
      '../../evil-Q4_K_M.gguf',
      '/etc/evil-Q4_K_M.gguf',
      'a\\evil-Q4_K_M.gguf',
      'good-Q8_0.gguf',
    ]);
    assert.deepEqual(paths(plan), ['good-Q8_0.gguf']);
  });

  it('are collected over all pages of a long listing', async () => {
    hub.pageSize = 7;
    const names = Array.from(
      { length: 40 },
      (_, index) => `m-Q8_0-${String(index + 1).padStart(5, '0')}-of-00040.gguf`,
    );
    assert.deepEqual(paths(await planFor(names)), names);
    assert.equal(hub.seen.filter(({ url }) => url.includes('/tree/')).length, 6);
  });
});
