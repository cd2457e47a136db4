// The text of `GET /models`. It is made a few models at a time, so that others are answered in between, and of a model
// that did not change it is kept. It is complete before its first byte is sent: an answer that failed half way would
// be a 200 that is cut off.
import { setImmediate } from 'node:timers/promises';
import { modelView, slotOf, type Lamina, type ModelRecord, type SlotState } from '@lamina/core';
import type { ModelsView, ModelView } from '@lamina/core/protocol';

/** So many models between two looks at what else is to be done. */
const atOnce = 256;

interface Written {
  readonly state: SlotState;
  readonly active: boolean;
  readonly text: string;
}

/** Writes lists of models. */
export class ModelList {
  private readonly written = new WeakMap<ModelRecord, Written>();

  constructor(
    private readonly lamina: Lamina,
    /** What those who are answered may see of a model. */
    private readonly visible: (view: ModelView) => ModelView,
  ) {}

  /** A {@link ModelsView} as JSON. */
  async text(records: readonly ModelRecord[]): Promise<string> {
    const written: Written[] = [];
    for (let from = 0; from < records.length; from += atOnce) {
      if (from > 0) await setImmediate();
      written.push(...records.slice(from, from + atOnce).map((record) => this.write(record)));
    }
    const counts: Omit<ModelsView, 'models'> = {
      total: records.length,
      available: records.filter(({ available }) => available).length,
      active: written.filter(({ active }) => active).length,
    };
    return `{"models":{${written.map(({ text }) => text).join(',')}},${JSON.stringify(counts).slice(1)}`;
  }

  private write(record: ModelRecord): Written {
    const { state } = slotOf(this.lamina, record);
    const known = this.written.get(record);
    if (known?.state === state) return known;
    const view = modelView(this.lamina, record);
    const text = `${JSON.stringify(record.model.name)}:${JSON.stringify(this.visible(view))}`;
    const written = { state, active: view.active, text };
    this.written.set(record, written);
    return written;
  }
}
