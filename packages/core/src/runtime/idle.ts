// What happens to a slot that nobody uses, and when.
import type { Slot } from './slot.js';

/** A server that becomes idle is stopped or put to sleep; a start that nobody waits for any more is abandoned. */
export interface IdleStep {
  readonly reason: 'idle' | 'abandoned';
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The next step for a slot; `wanted`: somebody waits for it, or it was started explicitly. */
export function nextIdleStep(slot: Slot, wanted: boolean, now: number, abandonMs: number): IdleStep | undefined {
  if (wanted || slot.state !== 'starting') delete slot.unwantedSince;
  if (wanted) return undefined;
  if (slot.state === 'starting') return { reason: 'abandoned', at: (slot.unwantedSince ??= now) + abandonMs };
  if (!slot.serving || slot.running!.busy > 0 || slot.external) return undefined;
  const { model, limits } = slot.running!.prepared;
  const idleMs = slot.keepAlive ?? (limits.idleMs === 0 ? Infinity : limits.idleMs);
  return idleMs === Infinity || model.pinned ? undefined : { reason: 'idle', at: slot.idleSince + idleMs };
}
