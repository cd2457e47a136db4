// The text of `GET /models`. Of 10,000 models it has megabytes: it is made a few at a time, so that others are answered in between, and
// of a model that did not change it is kept.
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

  /** A {@link ModelsView} as JSON. */
  async text(records: readonly ModelRecord[]): Promise<string> {
    const members: string[] = [];
    let active = 0;
    for (const record of records) {
      const written = this.write(record);
      members.push(written.text);
      if (written.active) active += 1;
      if (members.length % atOnce === 0) await setImmediate();
    }
    const { models: _models, ...counts }: ModelsView = { models: {}, total: records.length, available: records.filter(({ available }) => available).length, active };
    return `{"models":{${members.join(',')}},${JSON.stringify(counts).slice(1)}`;
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
