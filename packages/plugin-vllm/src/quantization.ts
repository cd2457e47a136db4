// Reads how the weights of a safetensors directory are quantised, from the files beside them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '@lamina/core/plugin';

interface QuantizationConfig {
  readonly quant_method?: string;
  readonly bits?: number;
  readonly w_bit?: number;
}

/**
 * A model with its quantisation in the metadata: `awq-4bit`, `gptq-4bit`, `fp8`, …; `undefined` when it is not
 * quantised, or not safetensors.
 */
export async function withQuantization(model: Model): Promise<Model | undefined> {
  const weights = model.files.find(({ role }) => role === 'weights');
  if (model.format !== 'safetensors' || weights === undefined || weights.bytes === 0) return undefined;
  const quantization = await quantizationOf(weights.path);
  return quantization === undefined ? undefined : { ...model, metadata: { ...model.metadata, quantization } };
}

/** In `config.json`; older AWQ and GPTQ checkpoints have a file of their own. */
async function quantizationOf(directory: string): Promise<string | undefined> {
  const config = (await readJson(join(directory, 'config.json'))) as
    { quantization_config?: QuantizationConfig } | undefined;
  if (config?.quantization_config !== undefined)
    return named(config.quantization_config, config.quantization_config.quant_method);
  const awq = (await readJson(join(directory, 'quant_config.json'))) as QuantizationConfig | undefined;
  if (awq !== undefined) return named(awq, 'awq');
  const gptq = (await readJson(join(directory, 'quantize_config.json'))) as QuantizationConfig | undefined;
  return gptq === undefined ? undefined : named(gptq, 'gptq');
}

function named({ bits, w_bit }: QuantizationConfig, method: string | undefined): string | undefined {
  const width = bits ?? w_bit;
  return method === undefined || width === undefined ? method : `${method}-${width}bit`;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
