// LoRA adapters: the library applies one to a whole context, so requests cannot choose.
import { LaminaError, type JsonObject, type Model } from '@lamina/core/plugin';

/** Returns the body unchanged. @throws LaminaError `NOT_SUPPORTED` for a request that names an adapter */
export function refuseAdapter(body: JsonObject, { model }: { model: Model }): JsonObject {
  if (model.base === undefined) return body;
  throw new LaminaError('NOT_SUPPORTED', {
    message: `The embedded engine does not support adapters; install llama.cpp for "${model.name}".`,
    model: model.name,
  });
}
