// Metadata of models in every format, as backends receive it.
import assert from 'node:assert/strict';
import { ggufBytes, tinyLlama } from './gguf-file.js';
import { openTestRegistry, type TestRegistry } from './test-registry.js';
import { tensors } from './safetensors-file.js';

describe('the metadata of a model', () => {
  let setup: TestRegistry;
  beforeEach(async () => (setup = await openTestRegistry()));
  afterEach(() => setup.close());

  const describeOnly = async (files: Readonly<Record<string, string | Buffer | number>>, entry = '{}') => {
    await setup.write({ ...files, 'models.yaml': `models:\n  m: ${entry}\n` });
    await setup.registry.load();
    return (await setup.registry.describe('m')).metadata;
  };

  it('comes from config.json and the headers of safetensors', async () => {
    const config = {
      model_type: 'qwen2',
      max_position_embeddings: 32768,
      hidden_size: 896,
      num_hidden_layers: 24,
      num_attention_heads: 14,
      num_key_value_heads: 2,
      vocab_size: 151936,
      torch_dtype: 'bfloat16',
    };
    const metadata = await describeOnly({
      'm/config.json': JSON.stringify(config),
      'm/tokenizer_config.json': JSON.stringify({ chat_template: '{% if tools %}{% endif %}' }),
      'm/model-00001-of-00002.safetensors': tensors({
        __metadata__: {},
        a: { dtype: 'BF16', shape: [4, 4], data_offsets: [0, 32] },
      }),
      'm/model-00002-of-00002.safetensors': tensors({ b: { dtype: 'BF16', shape: [8], data_offsets: [0, 16] } }),
    });
    const expected = {
      architecture: 'qwen2',
      contextLength: 32768,
      embeddingLength: 896,
      layers: 24,
      heads: 14,
      kvHeads: 2,
      keyLength: 64,
      valueLength: 64,
      vocabularySize: 151936,
      quantization: 'BF16',
      chatTemplate: '{% if tools %}{% endif %}',
      capabilities: ['chat', 'tools'],
      kind: 'model',
      parameters: 24,
      shards: 2,
    };
    assert.deepEqual(metadata, expected);
  });

  it('does not count packed weights', async () => {
    const metadata = await describeOnly({
      'm/config.json': JSON.stringify({ model_type: 'llama', quantization_config: { quant_method: 'awq' } }),
      'm/model.safetensors': tensors({ a: { dtype: 'I32', shape: [4, 4], data_offsets: [0, 64] } }),
    });
    assert.deepEqual([metadata!.quantization, metadata!.parameters], ['awq', undefined]);
  });

  it('comes from mlc-chat-config.json', async () => {
    const config = {
      model_type: 'llama',
      quantization: 'q4f16_1',
      context_window_size: 4096,
      vocab_size: 32000,
      conv_template: {},
      model_config: { hidden_size: 2048, num_attention_heads: 32, num_hidden_layers: 16, num_key_value_heads: 8 },
    };
    const metadata = await describeOnly({
      'm/mlc-chat-config.json': JSON.stringify(config),
      'm/params_shard_0.bin': 4,
    });
    const expected = {
      architecture: 'llama',
      quantization: 'q4f16_1',
      contextLength: 4096,
      vocabularySize: 32000,
      embeddingLength: 2048,
      heads: 32,
      kvHeads: 8,
      layers: 16,
      keyLength: 64,
      valueLength: 64,
      capabilities: ['chat'],
      kind: 'model',
    };
    assert.deepEqual(metadata, expected);
  });

  it('contains the modalities of a model with a projector', async () => {
    const projector = (values: object) =>
      ggufBytes({ values: { 'general.architecture': ['string', 'clip'], ...values } });
    assert.deepEqual(
      (await describeOnly({
        'm/m.gguf': ggufBytes(),
        'm/mmproj.gguf': projector({ 'clip.has_audio_encoder': ['bool', true] }),
      }))!.capabilities,
      ['chat', 'audio'],
    );
  });

  it('says by the template whether a model takes tools and reasons', async () => {
    const capabilitiesWith = async (template: string) => {
      const values = { ...tinyLlama, 'tokenizer.chat_template': ['string', template] } as typeof tinyLlama;
      return (await describeOnly({ 'm.gguf': ggufBytes({ values }) }, '{ path: m.gguf }'))!.capabilities;
    };
    assert.deepEqual(await capabilitiesWith('{{ messages[0].content }} I am thinking.'), ['chat']);
    const reasoning = [
      "{%- if enable_thinking is false %}{{ '' }}{% endif %}",
      "{{ '<think>\n' }}",
      '{% if message.reasoning_content %}{% endif %}',
      '<|channel|>analysis<|message|>',
      '[THINK]{{ x }}[/THINK]',
      '{%- if thinking %}{% endif %}',
    ];
    for (const template of reasoning)
      assert.deepEqual(await capabilitiesWith(template), ['chat', 'reasoning'], template);
    assert.deepEqual(await capabilitiesWith('{% if tools %}{% endif %}<think>'), ['chat', 'tools', 'reasoning']);
  });

  it('distinguishes embedding and reranking models from chat models', async () => {
    const pooled = { ...tinyLlama, 'llama.pooling_type': ['u32', 4] } as typeof tinyLlama;
    assert.deepEqual(
      (await describeOnly({ 'm.gguf': ggufBytes({ values: pooled }) }, '{ path: m.gguf }'))!.capabilities,
      ['rerank'],
    );
  });

  it('is missing when a configuration is invalid, which is logged', async () => {
    assert.equal(await describeOnly({ 'm/config.json': '{', 'm/model.safetensors': tensors({}) }), undefined);
    assert.deepEqual(setup.warnings, ['The metadata of a model cannot be read']);
  });

  it('is overridden by what a plugin returns', async () => {
    const taps = setup.hooks.tapsFor({ name: 'test', log: setup.log, closed: false });
    taps.describeModel.tap((model) => ({ ...model, metadata: { contextLength: 7 } }));
    const metadata = await describeOnly({ 'm.gguf': ggufBytes() }, '{ path: m.gguf }');
    assert.deepEqual([metadata!.contextLength, metadata!.architecture], [7, 'llama']);
  });
});
