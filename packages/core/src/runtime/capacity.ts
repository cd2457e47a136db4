// Decides which prepared models may start within the budget, and which idle ones are stopped for them.
import type { Logger } from '../contract/context.js';
import type { LaminaError } from '../contract/errors.js';
import type { RoomSnapshot, RunningSnapshot } from '../contract/hooks.js';
import type { Resources } from '../contract/memory.js';
import type { Hooks } from '../kernel/hooks.js';
import type { Memory } from './memory.js';
import { outOfMemory } from './out-of-memory.js';
import type { Waiter } from './queue.js';
import { isShort, minus, plus, shortfall, within } from './resources.js';
import type { Slot } from './slot.js';

/** What to do for a waiting request: start its model, stop others first, refuse it, or decide again later. */
export type Admission =
  | { readonly action: 'start'; readonly resources: Resources }
  | { readonly action: 'evict'; readonly victims: readonly Slot[]; readonly missing: Resources }
  | { readonly action: 'refuse'; readonly error: LaminaError }
  | { readonly action: 'retry'; readonly at: number }
  | { readonly action: 'wait'; readonly at?: number };

/** How long a start waits for memory that other programs hold, and how often it looks, in milliseconds. */
const foreignMemoryMs = 5_000;
const foreignMemoryStepMs = 250;

const wait: Admission = { action: 'wait' };
const start = (resources: Resources): Admission => ({ action: 'start', resources });
const never = new AbortController().signal;

/** The capacity during one decision; made for each. */
export class Capacity {
  private readonly budget: Resources;
  private readonly pinned: Resources;
  /** What the slots hold that may give it back at some time. */
  private readonly endable: Resources;
  /** What may still be given away, and what the stops in progress will give back. */
  private free: Resources;
  private freeSoon: Resources;
  /** Slots that this decision has already considered. */
  private readonly considered = new Set<Slot>();

  constructor(
    private readonly slots: readonly Slot[],
    private readonly now: number,
    private readonly starvationMs: number,
    private readonly memory: Memory,
    private readonly hooks: Hooks,
    private readonly log: Logger,
    /** Whether a request waits for a slot. */
    private readonly isWanted: (slot: Slot) => boolean,
  ) {
    this.budget = memory.budget();
    this.pinned = memory.pinned();
    this.endable = this.heldBy(slots.filter(mayEnd));
    this.free = memory.free(this.budget);
    this.freeSoon = plus(
      ...slots.filter(({ state }) => state === 'stopping').map(({ name }) => memory.held(name)),
      ...slots.filter(isFallingAsleep).map(({ name }) => memory.freedBySleep(name)),
    );
  }

  /** Whether a slot serves one more request: it has capacity, and must not become idle for an older request. */
  accepts(slot: Slot, { since }: Waiter): boolean {
    const { yieldsTo } = slot;
    return slot.hasCapacity && (yieldsTo === undefined || since <= yieldsTo.since + this.starvationMs);
  }

  /** From now on this decision stops a loaded model for no request: an older one waits for it. */
  keep(slot: Slot): void {
    this.considered.add(slot);
  }

  /** Whether the waiter's prepared or sleeping model may start or wake now. */
  admit(waiter: Waiter): Admission {
    const { slot } = waiter;
    if (this.considered.has(slot)) return wait;
    this.considered.add(slot);
    if (slot.external) return start({});
    const own = this.memory.held(slot.name);
    const whole = this.needOf(slot, own);
    const need = within(whole, this.budget);
    const pinned = slot.pinned ? minus(this.pinned, own) : this.pinned;
    const impossible = shortfall(need, minus(this.budget, pinned));
    if (isShort(impossible)) return { action: 'refuse', error: this.refusal(slot, need, impossible, true) };
    const missing = shortfall(need, plus(this.free, own));
    delete slot.missing;
    if (isShort(missing)) slot.missing = missing;
    const admission = isShort(missing) ? this.makeRoom(waiter, need, missing) : start(whole);
    if (admission.action === 'retry' || admission.action === 'refuse') return admission;
    // Those that are considered after it get neither what it starts with nor what comes free for it.
    this.free = minus(this.free, minus(minus(need, own), missing));
    this.freeSoon = within(shortfall(this.freeSoon, missing), this.free);
    return admission;
  }

  private makeRoom(waiter: Waiter, need: Resources, missing: Resources): Admission {
    const { slot } = waiter;
    const later = shortfall(missing, this.freeSoon);
    if (!isShort(later)) return wait;
    const victims = this.victimsFor(slot, need, later);
    if (victims.length > 0) {
      this.freeSoon = plus(this.freeSoon, this.heldBy(victims));
      return { action: 'evict', victims, missing: later };
    }
    // What a model that loads has taken already is counted twice: it is not available, and it is still to come.
    const ours = plus(this.endable, { host: this.memory.outstanding() });
    if (isShort(shortfall(later, ours))) return this.foreign(slot, need, later);
    delete slot.foreignSince;
    const at = waiter.since + this.starvationMs;
    if (at > this.now) return { action: 'retry', at };
    this.close(waiter, later);
    return { action: 'wait', at: this.now + foreignMemoryStepMs }; // Other programs may end too, of which nothing tells.
  }

  /**
   * What the model of a slot needs, besides what it has. Weights that are mapped from a file count as far as they could
   * ever fit: beyond that the model runs, but slowly.
   */
  private needOf(slot: Slot, own: Resources): Resources {
    const { name, prepared, running } = slot;
    const { hardBytes, mappedBytes, deviceBytes } = (running?.prepared ?? prepared)!.memory;
    const others = mayEnd(slot) ? this.endable : plus(this.endable, own);
    const obtainable = plus(this.free, this.freeSoon, others)['host']!;
    const mapped = Math.max(0, Math.min(mappedBytes, obtainable - hardBytes));
    return { host: hardBytes + mapped, ...deviceBytes, ...this.memory.countsOf(name) };
  }

  /** The hook's choice, as far as it is allowed and frees everything that is missing. */
  private victimsFor(slot: Slot, need: Resources, missing: Resources): readonly Slot[] {
    const others = this.slots.filter((other) => other.occupies && other !== slot);
    const allowed = others.filter((other) => this.isEvictable(other));
    if (allowed.length === 0) return [];
    const snapshot: RoomSnapshot = {
      need: { model: slot.name, resources: need },
      missing,
      budget: this.budget,
      running: others.map((other) => this.snapshot(other)),
    };
    const names = this.hooks.run.selectVictims.call(snapshot, { signal: never, log: this.log }) ?? [];
    const victims = allowed.filter(({ name }) => names.includes(name));
    return isShort(shortfall(missing, this.heldBy(victims))) ? [] : victims;
  }

  private snapshot(slot: Slot): RunningSnapshot {
    const { name: model, state, running, idleSince, loadMs } = slot;
    return {
      model,
      state,
      busy: running?.busy ?? 0,
      pinned: slot.pinned || isChanging(slot),
      evictable: this.isEvictable(slot),
      resources: this.memory.held(model),
      idleMs: this.now - idleSince,
      loadMs: this.isAbandoned(slot) ? 0 : loadMs,
    };
  }

  private isEvictable(slot: Slot): boolean {
    if (this.isAbandoned(slot)) return true;
    const isIdle = slot.running?.busy === 0 && !this.considered.has(slot); // Or older requests wait for it.
    return isIdle && !slot.pinned && !isChanging(slot);
  }

  private isAbandoned(slot: Slot): boolean {
    return slot.state === 'starting' && !this.isWanted(slot) && !slot.pinned;
  }

  /** Enough busy models to free what is missing accept no newer requests until the waiter's model starts. */
  private close(waiter: Waiter, missing: Resources): void {
    const yielding = this.slots.filter((slot) => slot.yieldsTo === waiter);
    const candidates = this.slots
      .filter((slot) => slot.yieldsTo === undefined && isInUse(slot) && mayEnd(slot) && slot !== waiter.slot)
      .sort((a, b) => (a.running?.busy ?? 0) - (b.running?.busy ?? 0));
    for (const slot of candidates) {
      const left = shortfall(missing, this.heldBy(yielding));
      if (!isShort(left)) return;
      if (Object.keys(left).every((name) => (this.memory.held(slot.name)[name] ?? 0) === 0)) continue;
      slot.yieldsTo = waiter;
      yielding.push(slot);
    }
  }

  /** No model of ours holds what is missing: other programs do. What a stopped model held can take a moment to return. */
  private foreign(slot: Slot, need: Resources, missing: Resources): Admission {
    slot.foreignSince ??= this.now;
    if (this.now - slot.foreignSince < foreignMemoryMs) return { action: 'retry', at: this.now + foreignMemoryStepMs };
    delete slot.foreignSince;
    return { action: 'refuse', error: this.refusal(slot, need, missing, false) };
  }

  private refusal(slot: Slot, need: Resources, missing: Resources, isPermanent: boolean): LaminaError {
    return outOfMemory(slot, { need, missing, memory: this.memory, slots: this.slots, isPermanent });
  }

  /** Whether it is enough when those victims that can sleep fall asleep instead of being stopped. */
  sleepSuffices(victims: readonly Slot[], missing: Resources): boolean {
    const freed = victims.map((slot) =>
      canSleep(slot) ? this.memory.freedBySleep(slot.name) : this.memory.held(slot.name),
    );
    return !isShort(shortfall(missing, plus(...freed)));
  }

  private heldBy(slots: readonly Slot[]): Resources {
    return plus(...slots.map(({ name }) => this.memory.held(name)));
  }
}

/** True for a ready slot whose server can sleep. */
export function canSleep({ state, running }: Slot): boolean {
  return (state === 'ready' || state === 'degraded') && running?.server.sleep !== undefined;
}

function isChanging({ state, operation }: Slot): boolean {
  return operation !== undefined || state === 'stopping';
}

function isFallingAsleep({ state, operation }: Slot): boolean {
  return state === 'sleeping' && operation !== undefined;
}

/** True for a slot that serves requests, or will as soon as it has loaded. */
export function isInUse({ serving, state }: Slot): boolean {
  return serving || state === 'starting' || state === 'waking';
}

/** True for a slot that holds memory and may give it back at some time. */
function mayEnd(slot: Slot): boolean {
  return slot.occupies && !slot.pinned && slot.state !== 'stopping';
}
