// Decides which prepared models may start within `maxLoaded`, and which idle ones are evicted for them.
import type { Logger } from '../contract/context.js';
import type { RoomSnapshot } from '../contract/hooks.js';
import type { Hooks } from '../kernel/hooks.js';
import { isIdle } from './policy.js';
import type { Waiter } from './queue.js';
import type { Slot } from './slot.js';

/** What to do for a waiting request: start its model, evict others first, or decide again later. */
export type Admission =
  | { readonly action: 'start' }
  | { readonly action: 'evict'; readonly victims: readonly Slot[] }
  | { readonly action: 'retry'; readonly at: number }
  | { readonly action: 'wait' };

const wait: Admission = { action: 'wait' };
const start: Admission = { action: 'start' };
const never = new AbortController().signal;

/** The capacity during one decision; made for each. */
export class Capacity {
  /** Servers that may start now. */
  private free: number;
  /** Servers that may start once the stops in progress have ended. */
  private freeSoon: number;
  /** Slots that this decision has already considered. */
  private readonly considered = new Set<Slot>();
  /** Busy slots that accept no new requests, so that they become idle for a request that has waited too long. */
  private readonly closed = new Set<Slot>();

  constructor(
    private readonly slots: readonly Slot[],
    private readonly now: number,
    private readonly limits: { readonly maxLoaded: number; readonly starvationTimeout: number },
    private readonly hooks: Hooks,
    private readonly log: Logger,
  ) {
    const occupying = slots.filter((slot) => slot.occupies);
    this.free = Math.max(0, limits.maxLoaded - occupying.length);
    this.freeSoon = occupying.filter((slot) => slot.state === 'stopping').length;
  }

  accepts(slot: Slot): boolean {
    return slot.hasCapacity && !this.closed.has(slot);
  }

  /** Whether the waiter's prepared model may start now. */
  admit({ slot, since }: Waiter): Admission {
    if (this.considered.has(slot)) return wait;
    this.considered.add(slot);
    if (slot.external) return start;
    if (this.free > 0) {
      this.free -= 1;
      return start;
    }
    if (this.freeSoon > 0) {
      this.freeSoon -= 1;
      return wait;
    }
    const victims = this.victimsFor(slot);
    return victims.length > 0 ? { action: 'evict', victims } : this.closeForStarving(since);
  }

  /** The hook's choice, as far as it is allowed: idle, not pinned, owned. */
  private victimsFor(slot: Slot): readonly Slot[] {
    const snapshot = this.snapshot(slot);
    const names = this.hooks.run.selectVictims.call(snapshot, { signal: never, log: this.log }) ?? [];
    const allowed = snapshot.running.filter(isIdle).map((running) => running.model);
    return this.slots.filter(({ name }) => names.includes(name) && allowed.includes(name));
  }

  private snapshot(slot: Slot): RoomSnapshot {
    const running = this.slots.filter((other) => other.occupies && other.running !== undefined);
    return {
      need: { model: slot.name, slots: 1 },
      running: running.map((other) => ({
        model: other.name,
        state: other.state,
        busy: other.running!.busy,
        pinned: other.running!.prepared.model.pinned || other.operation !== undefined,
        idleMs: this.now - other.idleSince,
        loadMs: other.loadMs,
      })),
    };
  }

  /** After the starvation timeout, the least busy server accepts no younger requests, so that it becomes idle. */
  private closeForStarving(since: number): Admission {
    const at = since + this.limits.starvationTimeout * 1000;
    if (at > this.now) return { action: 'retry', at };
    const busy = this.slots.filter(
      (slot) => slot.serving && slot.occupies && !this.closed.has(slot) && !slot.running!.prepared.model.pinned,
    );
    const leastBusy = busy.sort((a, b) => a.running!.busy - b.running!.busy)[0];
    if (leastBusy !== undefined) this.closed.add(leastBusy);
    return wait;
  }
}
