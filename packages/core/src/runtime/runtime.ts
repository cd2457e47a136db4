// What runs: the public interface of the runtime.
import type { Machine, StopReason } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import type { Clock } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { MemorySnapshot } from '../contract/memory.js';
import type { Model, Models, ResolvedModel } from '../contract/models.js';
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
import type { Launcher } from './launcher.js';
import { ServerLease } from './lease.js';
import type { Lifecycle } from './lifecycle.js';
import type { Memory } from './memory.js';
import { waitReason } from './out-of-memory.js';
import type { NewWaiter, WaitQueue } from './queue.js';
import { modelOf, type Scheduler } from './scheduler.js';
import { Slot, type RunningServer } from './slot.js';

/** The slots of one Lamina, and the requests that wait for them. */
export class SlotRuntime implements Runtime {
  private closing = false;

  constructor(
    private readonly config: Config,
    private readonly models: Models,
    private readonly launcher: Launcher,
    private readonly ledger: Memory,
    private readonly scheduler: Scheduler,
    private readonly queue: WaitQueue,
    private readonly lifecycle: Lifecycle,
    private readonly events: EventBus,
    private readonly clock: Clock,
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
    const running = this.scheduler.slots.get(served.name)?.running?.server.info.endpoints;
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
    const slot = this.scheduler.slots.get(model);
    if (slot !== undefined) return this.snapshot(slot);
    return { model, state: 'stopped', desiredState: 'auto', busy: 0, waiting: 0 };
  }

  slots(): readonly SlotSnapshot[] {
    return [...this.scheduler.slots.values()]
      .filter((slot) => slot.state !== 'stopped')
      .map((slot) => this.snapshot(slot));
  }

  machine(): Machine {
    return this.ledger.machine();
  }

  memory(): MemorySnapshot {
    return this.ledger.snapshot();
  }

  /** Compares every slot with the changed manifest; a server that would start differently restarts once it is idle. */
  refresh(): void {
    for (const slot of this.scheduler.slots.values()) {
      const model = modelOf(slot, this.models);
      if (model === undefined) this.removed(slot);
      else this.changed(slot, model);
    }
    this.ledger.recount();
    this.scheduler.request();
  }

  /**
   * Stops everything; resolves when nothing runs. Requests in progress have their drain limit; aborting the signal ends
   * them and kills what is left.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.closing = true;
    this.scheduler.close();
    for (const waiter of this.queue.all()) this.queue.fail(waiter, new LaminaError('SHUTTING_DOWN', {}));
    const killNow = () => this.lifecycle.killAll();
    signal.addEventListener('abort', killNow, { once: true });
    if (signal.aborted) killNow();
    const slots = [...this.scheduler.slots.values()];
    for (const slot of slots) slot.desiredState = 'stopped';
    await Promise.all(slots.map((slot) => this.lifecycle.stop(slot, 'shutdown')));
    signal.removeEventListener('abort', killNow);
  }

  private removed(slot: Slot): void {
    slot.desiredState = 'auto';
    if (slot.running === undefined)
      this.queue.failAll(slot, new LaminaError('MODEL_STOPPED', { model: slot.name, reason: 'removed' }));
    void this.lifecycle.stop(slot, 'removed');
  }

  private changed(slot: Slot, { pinned }: Model): void {
    slot.pinned = pinned;
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
    let slot = this.scheduler.slots.get(served.name);
    if (slot === undefined) {
      slot = new Slot(served.name, (changed, from) => this.onSlotChange(changed, from));
      this.scheduler.add(slot);
    }
    slot.pinned = served.pinned;
    return slot;
  }

  private onSlotChange(slot: Slot, from: SlotState): void {
    // A cancelled preparation can end when its model was removed, and is back with another slot.
    if (this.scheduler.slots.get(slot.name) !== slot) return;
    if (!slot.occupies) this.ledger.release(slot.name);
    else if (slot.state === 'sleeping' && slot.operation === undefined) this.ledger.sleep(slot.name);
    if (from !== slot.state) {
      if (isLoading(slot.state)) slot.lastLoad = { began: this.clock.now(), ended: Infinity };
      else if (isLoading(from)) slot.lastLoad.ended = this.clock.now();
      if (slot.state === 'ready') this.ledger.loaded(slot.name);
      this.events.emit('model.state', { model: slot.name, from, to: slot.state });
    }
    this.scheduler.request();
  }

  private snapshot(slot: Slot): SlotSnapshot {
    const waiting = this.queue.countOf(slot);
    const idle = this.scheduler.idleAt(slot);
    const memory = this.ledger.view(slot.name);
    const { missing } = slot;
    const isShort = missing !== undefined && waiting > 0;
    return slot.snapshot(waiting, this.clock, {
      ...(idle === undefined ? {} : { idleAt: this.clock.date(idle).toISOString() }),
      ...(memory === undefined ? {} : { memory }),
      ...(isShort ? { waitReason: waitReason(missing, this.ledger, [...this.scheduler.slots.values()]) } : {}),
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
    if (this.queue.size > 0 || slot.outdated) this.scheduler.request();
    else this.scheduler.rest(slot);
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
        this.scheduler.request();
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
      this.scheduler.request();
    });
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
