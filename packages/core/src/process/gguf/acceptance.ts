// Says which GGUF files are a model of their own.
import type { Acceptance } from '../../contract/backends.js';
import type { Model } from '../../contract/models.js';

/**
 * Refuses the files that only work beside a model: projectors, and adapters without a base. For all others it is
 * `otherwise`.
 */
export function acceptGguf(model: Model, otherwise: Acceptance): Acceptance {
  const { kind, architecture } = model.metadata ?? {};
  if (kind === 'mmproj' || architecture === 'clip') {
    return { refused: 'its file is a multimodal projector: it belongs into the entry of its model, as `projector`' };
  }
  if (kind === 'adapter' && model.base === undefined) {
    return { refused: 'its file is a LoRA adapter: say which model it changes, as `base`' };
  }
  return otherwise;
}
