// When a slot that nobody uses is put to sleep or stopped.
import type { Slot } from './slot.js';

/** A time of the clock; `undefined`: it stays. `wanted`: somebody waits for it, or it was started explicitly. */
export function idleAt(slot: Slot, wanted: boolean): number | undefined {
  if (wanted || !slot.serving || slot.running!.busy > 0 || slot.external || slot.pinned) return undefined;
  const { idleMs } = slot.running!.prepared.limits;
  const after = slot.keepAlive ?? (idleMs === 0 ? Infinity : idleMs);
  return after === Infinity ? undefined : slot.idleSince + after;
}
