// What runs: the public interface of the runtime, and the one function that decides what happens next.
import type { Machine, StopReason } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { MemorySnapshot } from '../contract/memory.js';
import type { Models, ResolvedModel } from '../contract/models.js';
import type {
  AcquireOptions,
  Lease,
  LoadOptions,
  Runtime,
  SlotSnapshot,
  SlotState,
  WaitTimes,
} from '../contract/runtime.js';
import { abortable } from '../kernel/abort.js';
import type { EventBus } from '../kernel/event-bus.js';
import { attachedError } from '../kernel/attached.js';
import type { Hooks } from '../kernel/hooks.js';
import { canSleep, Capacity } from './capacity.js';
import { idleAt } from './idle.js';
import type { Launcher } from './launcher.js';
import { ServerLease } from './lease.js';
import type { Lifecycle } from './lifecycle.js';
import type { Memory } from './memory.js';
import { waitReason } from './out-of-memory.js';
import type { NewWaiter, Waiter, WaitQueue } from './queue.js';
import { Slot, type RunningServer } from './slot.js';

/** The slots of one Lamina, and the requests that wait for them. */
export class SlotRuntime implements Runtime {
  private readonly slotsByName = new Map<string, Slot>();
  private decisionRequested = false;
  private nextDecision = Infinity;
  private cancelNextDecision = () => {};
  private closing = false;

  constructor(
    private readonly config: Config,
    private readonly models: Models,
    private readonly launcher: Launcher,
    private readonly ledger: Memory,
    private readonly queue: WaitQueue,
    private readonly lifecycle: Lifecycle,
    private readonly hooks: Hooks,
    private readonly events: EventBus,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  async acquire(
    model: string | ResolvedModel,
    { signal, onProgress, onWaited, keepAlive, onlyRunning = false }: AcquireOptions,
  ): Promise<Lease> {
    const target = typeof model === 'string' ? this.models.resolve(model) : model;
    requireServer(this.models, target);
    const slot = this.slotFor(target);
    this.requireOpen(signal);
    if (this.queue.size === 0 && slot.serving && slot.hasCapacity) return this.lease(slot, target, keepAlive);
    const since = this.clock.now();
    const waiting = this.wait(
      { slot, limits: target.served.limits, explicit: false, onlyRunning, onProgress },
      signal,
      () => this.lease(slot, target, keepAlive),
    );
    return onWaited === undefined ? waiting : waiting.finally(() => onWaited(waitTimes(slot, since, this.clock.now())));
  }

  async start(model: string, { signal }: { signal?: AbortSignal } = {}): Promise<SlotSnapshot> {
    const target = this.models.resolve(model);
    requireServer(this.models, target);
    const slot = this.slotFor(target);
    this.requireOpen(signal);
    slot.desiredState = 'running';
    slot.failures = 0;
    slot.retryAt = 0;
    if (slot.serving) return this.snapshot(slot);
    const waiter = { slot, limits: target.served.limits, explicit: true, onlyRunning: false, onProgress: undefined };
    return this.wait(waiter, signal, () => this.snapshot(slot));
  }

  async load(model: string, options: LoadOptions): Promise<SlotSnapshot> {
    const lease = await this.acquire(model, options);
    lease.release({ served: true });
    return this.slot(lease.target.served.name);
  }

  async hasRoute(model: string, route: string, { signal }: { signal: AbortSignal }): Promise<boolean> {
    const { served } = this.models.resolve(model);
    const running = this.slotsByName.get(served.name)?.running?.server.info.endpoints;
    return (running ?? (await this.launcher.endpointsOf(served, signal))).includes(route);
  }

  async stop(model: string, options: { reason?: StopReason; signal?: AbortSignal } = {}): Promise<void> {
    const slot = this.slotFor(this.models.resolve(model));
    const { reason = 'requested', signal } = options;
    slot.desiredState = 'stopped';
    this.queue.failAll(slot, new LaminaError('MODEL_STOPPED', { model: slot.name, reason }));
    const stopped = this.lifecycle.stop(slot, reason).finally(() => {
      if (slot.desiredState === 'stopped') slot.desiredState = 'auto';
    });
    if (signal === undefined) return stopped;
    await abortable(stopped, signal).catch((error: unknown) => {
      throw signal.aborted ? new LaminaError('ABORTED', {}, { cause: error }) : error;
    });
  }

  slot(model: string): SlotSnapshot {
    const slot = this.slotsByName.get(model);
    if (slot !== undefined) return this.snapshot(slot);
    return { model, state: 'stopped', desiredState: 'auto', busy: 0, waiting: 0 };
  }

  slots(): readonly SlotSnapshot[] {
    return [...this.slotsByName.values()].filter((slot) => slot.state !== 'stopped').map((slot) => this.snapshot(slot));
  }

  machine(): Machine {
    return this.ledger.machine();
  }

  memory(): MemorySnapshot {
    return this.ledger.snapshot();
  }

  /** Compares every slot with the changed manifest; a server that would start differently restarts once it is idle. */
  refresh(): void {
    for (const slot of this.slotsByName.values()) {
      const model = this.models.get(slot.name)?.model;
      if (model === undefined || model.of !== undefined) this.removed(slot);
      else this.changed(slot);
    }
    this.requestDecision();
  }

  /**
   * Stops everything; resolves when nothing runs. Requests in progress have their drain limit; aborting the signal ends
   * them and kills what is left.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.closing = true;
    this.cancelNextDecision();
    for (const waiter of this.queue.all()) this.queue.fail(waiter, new LaminaError('SHUTTING_DOWN', {}));
    const killNow = () => this.lifecycle.killAll();
    signal.addEventListener('abort', killNow, { once: true });
    if (signal.aborted) killNow();
    const slots = [...this.slotsByName.values()];
    for (const slot of slots) slot.desiredState = 'stopped';
    await Promise.all(slots.map((slot) => this.lifecycle.stop(slot, 'shutdown')));
    signal.removeEventListener('abort', killNow);
  }

  private removed(slot: Slot): void {
    if (slot.running === undefined)
      this.queue.failAll(slot, new LaminaError('MODEL_STOPPED', { model: slot.name, reason: 'removed' }));
    void this.lifecycle.stop(slot, 'removed');
  }

  private changed(slot: Slot): void {
    const launched = slot.running?.prepared ?? (slot.state === 'starting' ? slot.prepared : undefined);
    if (launched !== undefined) {
      slot.outdated = this.launcher.fingerprint(slot.name, launched.instance.name) !== launched.fingerprint;
      return;
    }
    delete slot.prepared;
    // Requests that wait for capacity need a new preparation: without one they would never be started.
    if (slot.state === 'queued') this.lifecycle.cancel(slot);
  }

  private requireOpen(signal: AbortSignal | undefined): void {
    if (this.config.mode === 'attached') throw attachedError(this.config, 'engines');
    if (this.closing) throw new LaminaError('SHUTTING_DOWN', {});
    if (signal?.aborted === true) throw new LaminaError('ABORTED', {}, { cause: signal.reason });
  }

  private slotFor({ served }: ResolvedModel): Slot {
    let slot = this.slotsByName.get(served.name);
    if (slot === undefined) {
      slot = new Slot(served.name, (changed, from) => this.onSlotChange(changed, from));
      this.slotsByName.set(served.name, slot);
    }
    return slot;
  }

  private onSlotChange(slot: Slot, from: SlotState): void {
    if (!slot.occupies) this.ledger.release(slot.name);
    else if (slot.state === 'sleeping' && slot.operation === undefined) this.ledger.sleep(slot.name);
    if (from !== slot.state) {
      if (isLoading(slot.state)) slot.lastLoad = { began: this.clock.now(), ended: Infinity };
      else if (isLoading(from)) slot.lastLoad.ended = this.clock.now();
      this.events.emit('model.state', { model: slot.name, from, to: slot.state });
    }
    this.requestDecision();
  }

  private snapshot(slot: Slot): SlotSnapshot {
    const waiting = this.queue.countOf(slot);
    const idle = this.idleAt(slot);
    const memory = this.ledger.view(slot.name);
    const isWaiting = slot.state === 'queued' && slot.missing !== undefined && waiting > 0;
    return slot.snapshot(waiting, {
      ...(idle === undefined ? {} : { idleAt: new Date(idle).toISOString() }),
      ...(memory === undefined ? {} : { memory }),
      ...(isWaiting ? { waitReason: waitReason(slot.missing!, this.ledger, [...this.slotsByName.values()]) } : {}),
    });
  }

  private lease(slot: Slot, target: ResolvedModel, keepAlive: number | undefined): Lease {
    const running = slot.running!;
    running.busy += 1;
    slot.keepAlive = keepAlive;
    return new ServerLease(target, running, (served) => this.release(slot, running, served));
  }

  private release(slot: Slot, running: RunningServer, served: boolean): void {
    running.busy -= 1;
    slot.idleSince = this.clock.now();
    if (served) slot.failures = 0;
    if (running.busy === 0) running.drained?.();
    if (this.queue.size > 0 || slot.outdated) this.requestDecision();
    else this.rest(slot);
  }

  private wait<T>(
    request: Omit<NewWaiter, 'serve' | 'fail'>,
    signal: AbortSignal | undefined,
    serve: () => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        reject(new LaminaError('ABORTED', {}, { cause: signal?.reason }));
        if (request.explicit) return;
        this.queue.remove(waiter);
        this.requestDecision();
      };
      const stopListening = () => signal?.removeEventListener('abort', onAbort);
      const waiter = this.queue.add({
        ...request,
        serve: () => {
          stopListening();
          resolve(serve());
        },
        fail: (error) => {
          stopListening();
          reject(error as Error);
        },
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      this.requestDecision();
    });
  }

  /** Decides once the current step has ended, however often it is called until then. */
  private requestDecision(): void {
    if (this.decisionRequested) return;
    this.decisionRequested = true;
    queueMicrotask(() => {
      this.decisionRequested = false;
      this.decide();
    });
  }

  private decideAt(time: number): void {
    if (time >= this.nextDecision || this.closing) return;
    this.cancelNextDecision();
    this.nextDecision = time;
    this.cancelNextDecision = this.clock.after(Math.max(0, time - this.clock.now()), () => {
      this.nextDecision = Infinity;
      this.decide();
    });
  }

  /** Brings what runs in step with what is wanted. It follows everything that could change either, and never awaits. */
  private decide(): void {
    if (this.closing) return;
    const slots = [...this.slotsByName.values()];
    for (const slot of slots) this.retryCrashed(slot);
    for (const slot of slots) this.reopen(slot);
    const waiters = this.queue.ordered();
    const capacity = new Capacity(
      slots,
      this.clock.now(),
      this.config.limits.starvationTimeout * 1000,
      this.ledger,
      this.hooks,
      this.log,
      (slot) => this.queue.has(slot),
    );
    // Loaded models serve first, so that none is stopped before it has served those it was loaded for.
    for (const waiter of waiters) this.serve(waiter, capacity);
    for (const waiter of waiters) if (this.queue.includes(waiter)) this.advance(waiter, capacity);
    for (const slot of slots) this.rest(slot);
    this.queue.updatePositions(waiters);
  }

  /** A slot accepts newer requests again when the one it made way for starts, or has gone. */
  private reopen(slot: Slot): void {
    const { yieldsTo } = slot;
    if (yieldsTo === undefined) return;
    const waits = this.queue.includes(yieldsTo) && ['queued', 'sleeping'].includes(yieldsTo.slot.state);
    if (!waits) delete slot.yieldsTo;
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
    if (slot.serving) return;
    if (waiter.onlyRunning) this.queue.fail(waiter, new LaminaError('MODEL_NOT_RUNNING', { model: slot.name }));
    else if (slot.state === 'stopped' || slot.state === 'failed') void this.lifecycle.prepare(slot);
    else if (isPrepared(slot)) this.admit(waiter, capacity);
  }

  private admit(waiter: Waiter, capacity: Capacity): void {
    const { slot } = waiter;
    const admission = capacity.admit(waiter);
    if (admission.action === 'start') {
      this.ledger.reserve(slot.name, admission.resources, slot.prepared ?? slot.running!.prepared);
      if (slot.state === 'sleeping') void this.lifecycle.wake(slot);
      else this.lifecycle.start(slot);
    } else if (admission.action === 'refuse') this.lifecycle.refuse(slot, admission.error);
    else if (admission.action === 'retry') this.decideAt(admission.at);
    else if (admission.action === 'evict') {
      const sleep = capacity.sleepSuffices(admission.victims, admission.missing);
      for (const victim of admission.victims) this.evict(victim, sleep);
    }
  }

  private evict(victim: Slot, sleep: boolean): void {
    if (sleep && canSleep(victim)) void this.lifecycle.sleep(victim);
    else void this.lifecycle.stop(victim, victim.state === 'starting' ? 'abandoned' : 'evicted');
  }

  /** What follows when a slot is not used any more. */
  private rest(slot: Slot): void {
    if (slot.state === 'queued' && !this.queue.has(slot)) return this.lifecycle.cancel(slot);
    if (slot.outdated && slot.running?.busy === 0 && slot.state !== 'stopping') return void this.restart(slot);
    const at = this.idleAt(slot);
    if (at === undefined) return;
    if (at > this.clock.now()) this.decideAt(at);
    else if (slot.running!.server.sleep !== undefined) void this.lifecycle.sleep(slot);
    else void this.lifecycle.stop(slot, 'idle');
  }

  private idleAt(slot: Slot): number | undefined {
    return idleAt(slot, slot.desiredState === 'running' || this.queue.has(slot));
  }

  /** Stops a server for a change of the manifest; one that is to run starts again. */
  private async restart(slot: Slot): Promise<void> {
    const keep = slot.desiredState === 'running';
    await this.lifecycle.stop(slot, 'changed');
    if (!keep || slot.desiredState !== 'running' || slot.state !== 'stopped') return;
    this.queue.addStart(slot);
    this.requestDecision();
  }
}

/** @throws LaminaError `CONFIG_INVALID` for a model without a server that no other model answers for */
function requireServer(models: Pick<Models, 'get'>, { served: { name, of } }: ResolvedModel): void {
  if (of === undefined) return;
  const reasons = models.get(name)?.missing.join('; ') ?? 'it was removed from the manifest';
  throw new LaminaError('CONFIG_INVALID', { message: `Model "${name}" cannot be used: ${reasons}.`, model: name });
}

function isLoading(state: SlotState): boolean {
  return state === 'starting' || state === 'waking';
}

/** The part of a wait in which the model loaded is not time in the queue. */
function waitTimes({ lastLoad }: Slot, since: number, now: number): WaitTimes {
  const loadMs = Math.max(0, Math.min(lastLoad.ended, now) - Math.max(lastLoad.began, since));
  return { queueMs: now - since - loadMs, loadMs };
}

/** True for a slot that needs only memory to start or to wake. */
function isPrepared({ state, prepared, operation }: Slot): boolean {
  return state === 'queued' ? prepared !== undefined : state === 'sleeping' && operation === undefined;
}
