// Decides which GGUF files are models of their own.
import type { Acceptance } from '../../contract/backends.js';
import type { Model } from '../../contract/models.js';

/**
 * Refuses files that only work together with a model: projectors, and adapters without a base. Returns `otherwise` for
 * all others.
 */
export function acceptGguf(model: Model, otherwise: Acceptance): Acceptance {
  const { kind, architecture } = model.metadata ?? {};
  if (kind === 'mmproj' || architecture === 'clip') {
    return { refused: 'its file is a multimodal projector: set it as `projector` of its model' };
  }
  if (kind === 'adapter' && model.base === undefined) {
    return { refused: 'its file is a LoRA adapter: set the model it changes as `base`' };
  }
  return otherwise;
}
