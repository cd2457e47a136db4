// The text of `GET /models`. Of 10,000 models it has megabytes: it is made and sent a few at a time, so that others are answered in between,
// and of a model that did not change it is kept.
import { setImmediate } from 'node:timers/promises';
import { modelView, slotOf, type Lamina, type ModelRecord, type SlotState } from '@lamina/core';
import type { ModelsView } from '@lamina/core/protocol';

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

  constructor(private readonly lamina: Lamina) {}

  /** A {@link ModelsView} as JSON, in pieces. */
  async *text(records: readonly ModelRecord[]): AsyncGenerator<string> {
    let active = 0;
    yield '{"models":{';
    for (let from = 0; from < records.length; from += atOnce) {
      const written = records.slice(from, from + atOnce).map((record) => this.write(record));
      active += written.filter((one) => one.active).length;
      yield (from > 0 ? ',' : '') + written.map(({ text }) => text).join(',');
      await setImmediate();
    }
    const counts: Omit<ModelsView, 'models'> = { total: records.length, available: records.filter(({ available }) => available).length, active };
    yield `},${JSON.stringify(counts).slice(1)}`;
  }

  private write(record: ModelRecord): Written {
    const { state } = slotOf(this.lamina, record);
    const known = this.written.get(record);
    if (known?.state === state) return known;
    const view = modelView(this.lamina, record);
    const written = { state, active: view.active, text: `${JSON.stringify(record.model.name)}:${JSON.stringify(view)}` };
    this.written.set(record, written);
    return written;
  }
}
