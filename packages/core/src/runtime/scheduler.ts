// The one function that decides what happens next, and when it runs.
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { Resources } from '../contract/memory.js';
import type { Model, Models } from '../contract/models.js';
import type { Hooks } from '../kernel/hooks.js';
import { canSleep, Capacity, isInUse } from './capacity.js';
import { idleAt } from './idle.js';
import type { Lifecycle } from './lifecycle.js';
import type { Memory } from './memory.js';
import type { Waiter, WaitQueue } from './queue.js';
import type { Slot } from './slot.js';

/** Brings the slots in step with what is wanted. */
export class Scheduler {
  private readonly slotsByName = new Map<string, Slot>();
  private isRequested = false;
  private nextDecision = Infinity;
  private cancelNextDecision = () => {};
  private closed = false;

  constructor(
    private readonly config: Config,
    private readonly models: Pick<Models, 'get'>,
    private readonly memory: Memory,
    private readonly queue: WaitQueue,
    private readonly lifecycle: Lifecycle,
    private readonly hooks: Hooks,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /** The slots by the names of their models; one whose model was removed until it is at rest. */
  get slots(): ReadonlyMap<string, Slot> {
    return this.slotsByName;
  }

  /** From now on decisions include this slot. */
  add(slot: Slot): void {
    this.slotsByName.set(slot.name, slot);
  }

  /** No more decisions. */
  close(): void {
    this.closed = true;
    this.cancelNextDecision();
  }

  /** Decides once the current step has ended, however often it is called until then. */
  request(): void {
    if (this.isRequested) return;
    this.isRequested = true;
    queueMicrotask(() => {
      this.isRequested = false;
      this.decide();
    });
  }

  private decideAt(time: number): void {
    if (time >= this.nextDecision || this.closed) return;
    this.cancelNextDecision();
    this.nextDecision = time;
    this.cancelNextDecision = this.clock.after(Math.max(0, time - this.clock.now()), () => {
      this.nextDecision = Infinity;
      this.decide();
    });
  }

  /** Brings what runs in step with what is wanted. It follows everything that could change either, and never awaits. */
  private decide(): void {
    if (this.closed) return;
    const slots = [...this.slotsByName.values()];
    for (const slot of slots) this.retryCrashed(slot);
    const waiters = this.queue.ordered();
    const capacity = new Capacity(
      slots,
      this.clock.now(),
      this.config.limits.starvationTimeout * 1000,
      this.memory,
      this.hooks,
      this.log,
      (slot) => this.queue.has(slot),
    );
    // Loaded models serve first, so that none is stopped before it has served those it was loaded for.
    for (const waiter of waiters) this.serve(waiter, capacity);
    // After that: one that made way for a request must not serve newer ones before it makes way for the next request.
    const reopened = slots.filter((slot) => this.reopen(slot));
    for (const waiter of waiters) if (this.queue.includes(waiter)) this.advance(waiter, capacity);
    for (const slot of slots) this.rest(slot);
    for (const slot of slots) this.forgetRemoved(slot);
    if (reopened.length > 0) this.request();
    this.queue.updatePositions(waiters);
  }

  /**
   * A slot accepts newer requests again when the model it made way for starts, or nobody waits for that.
   * Returns whether it may accept more than before.
   */
  private reopen(slot: Slot): boolean {
    const { yieldsTo } = slot;
    if (yieldsTo === undefined) return false;
    const { slot: other } = yieldsTo;
    const [oldest] = this.queue.of(other);
    if (oldest !== undefined && !isInUse(other)) slot.yieldsTo = oldest;
    else delete slot.yieldsTo;
    return slot.yieldsTo !== yieldsTo;
  }

  /** What was started explicitly starts again after a crash, although nobody waits for it. */
  private retryCrashed(slot: Slot): void {
    if (slot.state !== 'failed' || slot.desiredState !== 'running' || this.queue.has(slot)) return;
    if (slot.retryAt > this.clock.now()) this.decideAt(slot.retryAt);
    else this.queue.addStart(slot);
  }

  private serve(waiter: Waiter, capacity: Capacity): void {
    const { slot } = waiter;
    if (slot.serving && (waiter.explicit || capacity.accepts(slot, waiter))) this.queue.serve(waiter);
  }

  private advance(waiter: Waiter, capacity: Capacity): void {
    const { slot } = waiter;
    if (slot.serving) return capacity.keep(slot);
    if (waiter.onlyRunning) this.queue.fail(waiter, new LaminaError('MODEL_NOT_RUNNING', { model: slot.name }));
    else if (slot.state === 'stopped' || slot.state === 'failed') void this.lifecycle.prepare(slot);
    else if (isPrepared(slot)) this.admit(waiter, capacity);
  }

  private admit(waiter: Waiter, capacity: Capacity): void {
    const { slot } = waiter;
    const admission = capacity.admit(waiter);
    if (admission.action === 'start') {
      if (!slot.external) this.reserve(slot, admission.resources);
      if (slot.state === 'sleeping') void this.lifecycle.wake(slot);
      else this.lifecycle.start(slot);
    } else if (admission.action === 'refuse') this.refuse(slot, admission.error);
    else if (admission.action === 'evict') {
      const sleep = capacity.sleepSuffices(admission.victims, admission.missing);
      for (const victim of admission.victims) this.evict(victim, sleep);
    } else if (admission.at !== undefined) this.decideAt(admission.at);
  }

  private reserve(slot: Slot, resources: Resources): void {
    this.memory.reserve(slot.name, resources, (slot.running?.prepared ?? slot.prepared)!.memory);
    if (this.memory.view(slot.name)?.slow === true)
      this.log.warn({ model: slot.name }, 'The weights of a model do not fit in memory: it will be slow');
  }

  private refuse(slot: Slot, error: LaminaError): void {
    if (slot.state === 'queued') this.lifecycle.refuse(slot, error);
    else this.queue.failAll(slot, error);
  }

  private evict(victim: Slot, sleep: boolean): void {
    if (sleep && canSleep(victim)) void this.lifecycle.sleep(victim);
    else void this.lifecycle.stop(victim, victim.state === 'starting' ? 'abandoned' : 'evicted');
  }

  /** What follows when a slot is not used any more. */
  rest(slot: Slot): void {
    if (slot.state === 'queued' && !this.queue.has(slot)) return this.lifecycle.cancel(slot);
    if (slot.outdated && slot.running?.busy === 0 && slot.state !== 'stopping') return void this.restart(slot);
    const at = this.idleAt(slot);
    if (at === undefined) return;
    if (at > this.clock.now()) this.decideAt(at);
    else if (slot.running!.server.sleep !== undefined) void this.lifecycle.sleep(slot);
    else void this.lifecycle.stop(slot, 'idle');
  }

  private forgetRemoved(slot: Slot): void {
    if (modelOf(slot, this.models) !== undefined || !slot.isAtRest || this.queue.has(slot)) return;
    this.slotsByName.delete(slot.name);
    this.queue.forget(slot);
  }

  /** When a slot that nobody uses is put to sleep or stopped, as the clock counts. */
  idleAt(slot: Slot): number | undefined {
    return idleAt(slot, slot.desiredState === 'running' || this.queue.has(slot));
  }

  /** Stops a server for a change of the manifest; one that is to run starts again. */
  private async restart(slot: Slot): Promise<void> {
    const keep = slot.desiredState === 'running';
    await this.lifecycle.stop(slot, 'changed');
    if (!keep || slot.desiredState !== 'running' || slot.state !== 'stopped') return;
    this.queue.addStart(slot);
    this.request();
  }
}

/** The model of a slot; `undefined` when it was removed, or another model answers for it now. */
export function modelOf({ name }: Slot, models: Pick<Models, 'get'>): Model | undefined {
  const model = models.get(name)?.model;
  return model?.of === undefined ? model : undefined;
}

/** True for a slot that needs only memory to start or to wake. */
function isPrepared({ state, prepared, operation }: Slot): boolean {
  return state === 'queued' ? prepared !== undefined : state === 'sleeping' && operation === undefined;
}
