// Adapts requests to llama-server.
import { LaminaError, type JsonObject, type Model, type ServerInfo } from '@lamina/core/plugin';
import { applyAdapter } from './adapters.js';

/**
 * The body for llama-server.
 * @throws LaminaError `NOT_SUPPORTED` for what llama-server would ignore: an adapter, or the `dimensions` of embeddings
 */
export function adaptRequest(body: JsonObject, about: { model: Model; route: string; info: ServerInfo }): JsonObject {
  if (about.route === 'embeddings') checkDimensions(body, about.model);
  return applyAdapter(body, about);
}

function checkDimensions({ dimensions }: JsonObject, { name, metadata }: Model): void {
  if (dimensions === undefined || dimensions === null || dimensions === metadata?.embeddingLength) return;
  throw new LaminaError('NOT_SUPPORTED', {
    message: `llama-server does not shorten embeddings; leave "dimensions" out for "${name}", or shorten them in the client.`,
    model: name,
  });
}
