// Says which GGUF files llama-server opens as a model of their own.
import type { Acceptance, Model } from '@lamina/core/plugin';

/** Refuses the files that only work beside a model: projectors, and adapters without a base. */
export function accepts(model: Model): Acceptance {
  const { kind, architecture } = model.metadata ?? {};
  if (kind === 'mmproj' || architecture === 'clip') {
    return { refused: 'its file is a multimodal projector: it belongs into the entry of its model, as `projector`' };
  }
  if (kind === 'adapter' && model.base === undefined) {
    return { refused: 'its file is a LoRA adapter: say which model it changes, as `base`' };
  }
  return { rank: 10, reason: 'GGUF is the format of llama.cpp' };
}
