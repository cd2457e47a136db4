// LoRA adapters of a model: directories with an adapter_config.json, loaded with their base.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '@lamina/core/plugin';

/** The values of `--max-lora-rank` (vllm/config/lora.py). */
const ranks = [1, 8, 16, 32, 64, 128, 256, 320, 512];

/** The smallest accepted rank for every adapter; 16, vLLM's default, for those without a rank. */
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
    return 16; // vLLM reports what is wrong with the file.
  }
}
