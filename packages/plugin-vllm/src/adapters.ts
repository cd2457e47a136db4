// LoRA adapters of a model: directories with an adapter_config.json, loaded with their base, each an id of its own.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '@lamina/core/plugin';

/** The ranks `--max-lora-rank` takes (vllm/config/lora.py). */
const ranks = [1, 8, 16, 32, 64, 128, 256, 320, 512];

/** The smallest rank vLLM takes that holds every adapter; 16, its own default, for those that do not say. */
export async function largestRank(adapters: readonly Model[]): Promise<number> {
  const needed = Math.max(...(await Promise.all(adapters.map(rankOf))));
  return ranks.find((rank) => rank >= needed) ?? needed;
}

async function rankOf(adapter: Model): Promise<number> {
  const path = adapter.files.find(({ role }) => role === 'adapter')?.path;
  try {
    const { r } = JSON.parse(await readFile(join(path ?? '', 'adapter_config.json'), 'utf8')) as { r?: unknown };
    return typeof r === 'number' ? r : 16;
  } catch {
    return 16; // What is wrong with the file, vLLM says better.
  }
}
