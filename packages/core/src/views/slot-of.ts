// Finds the slot that serves a model.
import type { ModelRecord, Models } from '../contract/models.js';
import type { Runtime, SlotSnapshot } from '../contract/runtime.js';

/** What the views of models need of a `Lamina`. */
export interface ModelServices {
  readonly models: Pick<Models, 'get' | 'resolve'>;
  readonly runtime: Pick<Runtime, 'slot'>;
}

/** The slot that serves a model: its own, or that of an adapter's base. */
export function slotOf(lamina: ModelServices, record: ModelRecord): SlotSnapshot {
  const { name, base } = record.model;
  // A base that is unknown has a slot that is stopped.
  return lamina.runtime.slot(baseOf(lamina, record)?.model.name ?? base ?? name);
}

/** The model whose process serves an adapter; `undefined` when it is no adapter, or its base is unknown. */
export function baseOf({ models }: ModelServices, { model: { base } }: ModelRecord): ModelRecord | undefined {
  if (base === undefined) return undefined;
  try {
    return models.get(models.resolve(base).model.name);
  } catch {
    return undefined;
  }
}
