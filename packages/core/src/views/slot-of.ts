// Finds the slot that serves a model, and the model that answers for it.
import type { ModelRecord, Models, ResolvedModel } from '../contract/models.js';
import type { Runtime, SlotSnapshot } from '../contract/runtime.js';

/** What the views of models need of a `Lamina`. */
export interface ModelServices {
  readonly models: Pick<Models, 'get' | 'resolve'>;
  readonly runtime: Pick<Runtime, 'slot'>;
}

/** The slot that serves a model: its own, or that of the model whose server it uses. */
export function slotOf(lamina: ModelServices, record: ModelRecord): SlotSnapshot {
  return lamina.runtime.slot(resolved(lamina, record).served.name);
}

/** What a model resolves to: itself when its base is unknown, or it was removed meanwhile. */
export function resolved({ models }: ModelServices, { model }: ModelRecord): ResolvedModel {
  try {
    return models.resolve(model.name);
  } catch {
    return { model, answering: model, served: model };
  }
}

/** The record of the model that answers for a model: its own, unless its `of` names another one. */
export function answeringRecord(lamina: ModelServices, record: ModelRecord): ModelRecord {
  if (record.model.of === undefined) return record;
  return lamina.models.get(resolved(lamina, record).answering.name) ?? record;
}
