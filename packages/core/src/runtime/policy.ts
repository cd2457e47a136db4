// The default scheduling policy: pure functions of a snapshot.
import type { QueueSnapshot, RoomSnapshot, RunningSnapshot } from '../contract/hooks.js';
import type { Policy } from '../contract/policy.js';

const firstBackoffMs = 1_000;
const maxBackoffMs = 60_000;

/** First come, first served; evicts the models with the longest idle time relative to their load time. */
export class DefaultPolicy implements Policy {
  order(snapshot: QueueSnapshot): readonly number[] {
    return snapshot.waiters.map((waiter) => waiter.id);
  }

  victims({ need, running }: RoomSnapshot): readonly string[] {
    const candidates = running.filter((slot) => isIdle(slot)).sort((a, b) => evictionScore(b) - evictionScore(a));
    return candidates.length < need.slots ? [] : candidates.slice(0, need.slots).map((slot) => slot.model);
  }

  backoffMs(failures: number): number {
    return failures < 1 ? 0 : Math.min(maxBackoffMs, firstBackoffMs * 2 ** (failures - 1));
  }
}

/** True for a slot that may be evicted. */
export function isIdle(slot: RunningSnapshot): boolean {
  return slot.busy === 0 && !slot.pinned && ['ready', 'sleeping', 'degraded'].includes(slot.state);
}

/** Higher for slots that have been idle for long and load quickly. */
function evictionScore(slot: RunningSnapshot): number {
  return slot.idleMs / Math.max(slot.loadMs, 1);
}
