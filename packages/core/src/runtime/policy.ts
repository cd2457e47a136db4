// What the runtime decides by: pure functions of a snapshot.
import type { QueueSnapshot, RoomSnapshot, RunningSnapshot } from '../contract/hooks.js';
import type { Policy } from '../contract/runtime.js';

const firstBackoffMs = 1_000;
const longestBackoffMs = 60_000;

/** First come, first served; idle models make room by how long they idled against what it costs to load them again. */
export class DefaultPolicy implements Policy {
  order(snapshot: QueueSnapshot): readonly number[] {
    return snapshot.waiters.map((waiter) => waiter.id);
  }

  victims({ need, running }: RoomSnapshot): readonly string[] {
    const candidates = running.filter((slot) => isIdle(slot)).sort((a, b) => worth(b) - worth(a));
    return candidates.length < need.slots ? [] : candidates.slice(0, need.slots).map((slot) => slot.model);
  }

  backoffMs(failures: number): number {
    return failures < 1 ? 0 : Math.min(longestBackoffMs, firstBackoffMs * 2 ** (failures - 1));
  }
}

/** True for a slot that may be stopped to make room. */
export function isIdle(slot: RunningSnapshot): boolean {
  return slot.busy === 0 && !slot.pinned && ['ready', 'sleeping', 'degraded'].includes(slot.state);
}

/** How much more it is worth to stop this one: long idle, quick to load again. */
function worth(slot: RunningSnapshot): number {
  return slot.idleMs / Math.max(slot.loadMs, 1);
}
