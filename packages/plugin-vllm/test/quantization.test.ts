import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestLamina } from '@lamina/testing';
import { vllm } from '../dist/index.js';
import { withQuantization } from '../dist/quantization.js';
import { file, modelOf } from './model.js';
import { writeTinyModel } from './tiny-model.js';

describe('the quantisation of weights in a directory', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'lamina-vllm-quantization-'))));
  afterEach(() => rm(folder, { recursive: true }));

  async function quantizationOf(files: Readonly<Record<string, object | string>>): Promise<string | undefined> {
    for (const [name, content] of Object.entries(files))
      await writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
    return (await withQuantization(modelOf({ files: [file('weights', folder)] })))?.metadata?.quantization;
  }

  const quantized = (quantization_config: object) => ({ 'config.json': { model_type: 'llama', quantization_config } });

  it('is read from config.json: AWQ, GPTQ, FP8 and others', async () => {
    assert.equal(
      await quantizationOf(
        quantized({ quant_method: 'awq', bits: 4, group_size: 128, version: 'gemm', zero_point: true }),
      ),
      'awq-4bit',
    );
    assert.equal(await quantizationOf(quantized({ quant_method: 'gptq', bits: 8, desc_act: false })), 'gptq-8bit');
    assert.equal(
      await quantizationOf(
        quantized({ quant_method: 'fp8', activation_scheme: 'dynamic', weight_block_size: [128, 128] }),
      ),
      'fp8',
    );
    assert.equal(
      await quantizationOf(quantized({ quant_method: 'compressed-tensors', format: 'float-quantized' })),
      'compressed-tensors',
    );
    assert.equal(await quantizationOf(quantized({ quant_method: 'bitsandbytes', load_in_4bit: true })), 'bitsandbytes');
  });

  it('is read from a file of its own in older AWQ and GPTQ checkpoints', async () => {
    assert.equal(
      await quantizationOf({
        'config.json': {},
        'quant_config.json': { zero_point: true, q_group_size: 128, w_bit: 4, version: 'GEMM' },
      }),
      'awq-4bit',
    );
    await rm(join(folder, 'quant_config.json'));
    assert.equal(
      await quantizationOf({ 'quantize_config.json': { bits: 4, group_size: 128, desc_act: true } }),
      'gptq-4bit',
    );
  });

  it('is missing when there is none, or nothing readable', async () => {
    assert.equal(await quantizationOf({ 'config.json': { model_type: 'llama' } }), undefined);
    assert.equal(await quantizationOf({ 'config.json': '{' }), undefined);
    assert.equal(await withQuantization(modelOf({ format: 'gguf' })), undefined);
    assert.equal(await withQuantization(modelOf({ files: [] })), undefined);
  });

  it('is shown with the model', async () => {
    const lamina = await createTestLamina({ plugins: [vllm()] });
    try {
      await writeTinyModel(join(lamina.modelsDir, 'tiny-AWQ'), {
        config: JSON.stringify({ model_type: 'llama', quantization_config: { quant_method: 'awq', bits: 4 } }),
      });
      await lamina.models.reload();
      assert.deepEqual(
        lamina.models.list().map(({ model: { name, metadata } }) => [name, metadata?.quantization]),
        [['tiny-AWQ', 'awq-4bit']],
      );
    } finally {
      await lamina.close();
    }
  });
});
