// Who gets a place among those `maxLoaded` allows, and who has to leave for it.
import type { Clock, Logger } from '../contract/context.js';
import type { RoomSnapshot } from '../contract/hooks.js';
import type { Hooks } from '../kernel/hooks.js';
import { isIdle } from './policy.js';
import type { Waiter } from './queue.js';
import type { Slot } from './slot.js';

/** What {@link Room} asks of the runtime. */
export interface RoomParts {
  readonly hooks: Hooks;
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxLoaded: number;
  readonly patienceMs: number;
  readonly launch: (slot: Slot) => void;
  readonly evict: (slot: Slot) => void;
  /** Asks for another look after so many milliseconds. */
  readonly lookAgain: (ms: number) => void;
}

const never = new AbortController().signal;

/** The room one pass of decisions has to give; made anew for each. */
export class Room {
  /** Places nobody takes. */
  private free: number;
  /** Places that stops under way will free. */
  private coming: number;
  /** Slots that were given, or promised, a place in this pass. */
  private readonly claimed = new Set<Slot>();
  /** Serving slots that take no new requests, so that they become idle for one that waits too long. */
  private readonly fenced = new Set<Slot>();

  constructor(
    private readonly parts: RoomParts,
    private readonly slots: readonly Slot[],
  ) {
    const occupying = slots.filter((slot) => slot.occupies);
    this.free = Math.max(0, parts.maxLoaded - occupying.length);
    this.coming = occupying.filter((slot) => slot.state === 'stopping').length;
  }

  isFenced(slot: Slot): boolean {
    return this.fenced.has(slot);
  }

  /** Starts the waiter's prepared slot when there is room; else makes some; else sees to it that some will come. */
  give({ slot, since }: Waiter): void {
    if (this.claimed.has(slot)) return;
    this.claimed.add(slot);
    if (slot.external) return this.parts.launch(slot);
    if (this.free > 0) {
      this.free -= 1;
      return this.parts.launch(slot);
    }
    if (this.coming > 0) {
      this.coming -= 1;
      return;
    }
    const victims = this.victimsFor(slot);
    if (victims.length > 0) for (const victim of victims) this.parts.evict(victim);
    else this.fence(since);
  }

  /** Asks the hook, and holds its answer against the rules: idle, unpinned, ours. */
  private victimsFor(slot: Slot): readonly Slot[] {
    const snapshot = this.snapshot(slot);
    const names = this.parts.hooks.run.selectVictims.call(snapshot, { signal: never, log: this.parts.log }) ?? [];
    const allowed = snapshot.running.filter(isIdle).map((running) => running.model);
    return this.slots.filter(({ name }) => names.includes(name) && allowed.includes(name));
  }

  private snapshot(slot: Slot): RoomSnapshot {
    const now = this.parts.clock.now();
    const running = this.slots.filter((other) => other.occupies && other.running !== undefined);
    return {
      need: { model: slot.name, slots: 1 },
      running: running.map((other) => ({
        model: other.name,
        state: other.state,
        busy: other.running!.busy,
        pinned: other.running!.prepared.model.pinned || other.operation !== undefined,
        idleMs: now - other.idleSince,
        loadMs: other.loadMs,
      })),
    };
  }

  /** The busy slot that will be idle soonest takes no younger requests once the patience of this waiter has ended. */
  private fence(since: number): void {
    const left = since + this.parts.patienceMs - this.parts.clock.now();
    if (left > 0) return this.parts.lookAgain(left);
    const busy = this.slots.filter(
      (slot) => slot.serving && slot.occupies && !this.fenced.has(slot) && !slot.running!.prepared.model.pinned,
    );
    const soonest = busy.sort((a, b) => a.running!.busy - b.running!.busy)[0];
    if (soonest !== undefined) this.fenced.add(soonest);
  }
}
