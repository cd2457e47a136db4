// What a model can do, and requests that need more.
import { metadataOf, servedModel } from '@lamina/core';
import type { ModelCapability, ModelRecord } from '@lamina/core/plugin';
import type { CallerLamina } from '@lamina/server-koa';
import { invalid } from './errors.js';

/** Lamina's words → Ollama's. */
const ollamaWords: Readonly<Record<ModelCapability, string | undefined>> = {
  chat: 'completion',
  tools: 'tools',
  reasoning: 'thinking',
  vision: 'vision',
  audio: 'audio',
  embeddings: 'embedding',
  rerank: undefined,
};

/** In Ollama's words; a model of which nothing is known can complete texts. */
export function ollamaCapabilities(capabilities: readonly ModelCapability[] | undefined): readonly string[] {
  const words = (capabilities ?? ['chat']).map((capability) => ollamaWords[capability]);
  return words.filter((word) => word !== undefined);
}

/** `undefined` when nothing is known. */
export async function capabilitiesOf(
  lamina: CallerLamina,
  record: ModelRecord,
): Promise<readonly ModelCapability[] | undefined> {
  const metadata = await metadataOf(lamina, lamina.models.resolve(record.model.name));
  return servedModel(lamina, record, metadata, { id: record.model.name, created: 0 }).capabilities;
}

/**
 * Refuses a request that the model cannot answer, where that is known.
 * @throws LaminaError `REQUEST_INVALID`; the message has Ollama's words, which clients match
 */
export function requireCapabilities(
  name: string,
  has: readonly ModelCapability[] | undefined,
  needs: readonly ModelCapability[],
): void {
  const lacking = needs.find((need) => has?.includes(need) === false);
  if (lacking !== undefined) throw invalid(`"${name}" does not support ${ollamaWords[lacking]}`);
}
