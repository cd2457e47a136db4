// The JSON of `GET /models`. It is written a few models at a time, so that other requests are served in between, and
// cached for models that did not change. It is complete before its first byte is sent, so that a failure is not a 200
// that is cut off.
import { setImmediate } from 'node:timers/promises';
import { modelView, slotOf, type Lamina, type ModelRecord, type SlotState } from '@lamina/core';
import type { ModelsView, ModelView } from '@lamina/core/protocol';

/** How many models are written before other requests are served. */
const batchSize = 256;

interface WrittenModel {
  readonly state: SlotState;
  readonly active: boolean;
  readonly text: string;
}

/** Writes lists of models. */
export class ModelList {
  private readonly written = new WeakMap<ModelRecord, WrittenModel>();

  constructor(
    private readonly lamina: Lamina,
    /** What the callers may see of a model. */
    private readonly visible: (view: ModelView) => ModelView,
  ) {}

  /** A {@link ModelsView} as JSON. */
  async text(records: readonly ModelRecord[]): Promise<string> {
    const written: WrittenModel[] = [];
    for (let from = 0; from < records.length; from += batchSize) {
      if (from > 0) await setImmediate();
      written.push(...records.slice(from, from + batchSize).map((record) => this.write(record)));
    }
    const counts: Omit<ModelsView, 'models'> = {
      total: records.length,
      available: records.filter(({ available }) => available).length,
      active: written.filter(({ active }) => active).length,
    };
    return `{"models":{${written.map(({ text }) => text).join(',')}},${JSON.stringify(counts).slice(1)}`;
  }

  private write(record: ModelRecord): WrittenModel {
    const { state } = slotOf(this.lamina, record);
    const cached = this.written.get(record);
    if (cached?.state === state) return cached;
    const view = modelView(this.lamina, record);
    const text = `${JSON.stringify(record.model.name)}:${JSON.stringify(this.visible(view))}`;
    const written = { state, active: view.active, text };
    this.written.set(record, written);
    return written;
  }
}
