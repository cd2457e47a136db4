// The token counts that llama-server tells in the last chunk of every stream.
import type { JsonObject } from '@lamina/core/plugin';

/** The `timings` of a chunk as OpenAI's usage; `undefined` for a chunk without them. */
export function usageOf({ timings }: JsonObject): JsonObject | undefined {
  const { cache_n: cached = 0, prompt_n: computed, predicted_n: generated } = (timings ?? {}) as JsonObject;
  if (typeof cached !== 'number' || typeof computed !== 'number' || typeof generated !== 'number') return undefined;
  return {
    prompt_tokens: cached + computed,
    completion_tokens: generated,
    total_tokens: cached + computed + generated,
    prompt_tokens_details: { cached_tokens: cached },
  };
}
