// LoRA adapters: the library applies one to a whole context, so requests cannot choose.
import { LaminaError, type JsonObject, type Model } from '@lamina/core/plugin';

/** The body as it is. @throws LaminaError `NOT_SUPPORTED` for a request that names an adapter */
export function refuseAdapter(body: JsonObject, { model }: { model: Model }): JsonObject {
  if (model.base === undefined) return body;
  throw new LaminaError('NOT_SUPPORTED', {
    message: `The embedded engine applies no adapters; install llama.cpp for "${model.name}".`,
    model: model.name,
  });
}
