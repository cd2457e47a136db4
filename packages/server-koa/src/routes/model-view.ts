// Models as the wire shows them.
import type { Lamina, ModelMetadata, ModelRecord, SlotSnapshot } from '@lamina/core';

/** A model in the list: its entry, whether its files are here, and what it is doing. */
export function modelView(lamina: Lamina, record: ModelRecord): object {
  const slot = slotOf(lamina, record);
  return { ...record.entry, available: record.available, active: isActive(slot), state: slot.state };
}

/**
 * One model: as in the list, with what the header of its files tells, what is wrong and, while it runs, where to talk to it. `prefix` is
 * where Lamina is, as the caller sees it.
 */
export async function modelDetail(lamina: Lamina, record: ModelRecord, prefix: string, managing: boolean): Promise<object> {
  const { metadata } = await lamina.models.describe(record.model.name);
  const slot = slotOf(lamina, record);
  const { error } = slot;
  return {
    ...modelView(lamina, record),
    ...(metadata === undefined ? {} : { metadata: metadataView(metadata) }),
    ...(record.missing.length > 0 ? { missing: record.missing } : {}),
    ...(error === undefined ? {} : { error }),
    ...(isActive(slot) ? { server: serverView(slot, record.model.name, prefix, managing) } : {}),
  };
}

/** True while there is an engine that has, or can wake up, the model. */
export function isActive({ state }: SlotSnapshot): boolean {
  return state === 'ready' || state === 'degraded' || state === 'sleeping' || state === 'waking';
}

function slotOf({ models, runtime }: Lamina, { model }: ModelRecord): SlotSnapshot {
  return runtime.slot(models.resolve(model.name).served.name);
}

function metadataView(metadata: ModelMetadata): object {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]));
}

function serverView({ backend, startedAt, pid, origin }: SlotSnapshot, name: string, prefix: string, managing: boolean): object {
  return {
    backend,
    health_endpoint: `${prefix}/health`,
    chat_endpoint: `${prefix}/chat/${encodeURIComponent(name)}`,
    started_at: startedAt,
    ...(managing ? { pid, origin } : {}),
  };
}
