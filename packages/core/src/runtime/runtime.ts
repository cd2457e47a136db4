// What runs: one place that decides, without ever awaiting, and the steps it sets going.
import type { Machine, StopReason } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';
import type { Clock, Logger } from '../contract/context.js';
import type { Policy } from '../contract/runtime.js';
import type { AcquireOptions, Lease, Runtime, SlotSnapshot, SlotState } from '../contract/runtime.js';
import type { Models, ResolvedModel } from '../contract/models.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { guestError } from '../kernel/guest.js';
import { abortable } from '../kernel/abort.js';
import type { Launcher } from './launcher.js';
import { ServerLease } from './lease.js';
import { failWaiters, type Parts } from './parts.js';
import { WaitQueue, type NewWaiter, type Waiter } from './queue.js';
import { Rests } from './rests.js';
import { Room, type RoomParts } from './room.js';
import { Slot, type Running } from './slot.js';
import { Starts } from './starts.js';
import { Stops } from './stops.js';

/** The slots of one Lamina, and who waits for them. */
export class SlotRuntime implements Runtime {
  private readonly slotsByName = new Map<string, Slot>();
  private readonly queue: WaitQueue;
  private readonly starts: Starts;
  private readonly stops: Stops;
  private readonly rests: Rests;
  private readonly roomParts: RoomParts;
  private cancelPatience = () => {};
  private deciding = false;
  private undecided = false;
  private closing = false;

  constructor(
    private readonly config: Config,
    private readonly models: Models,
    hooks: Hooks,
    private readonly events: EventBus,
    policy: Policy,
    private readonly launcher: Launcher,
    private readonly clock: Clock,
    log: Logger,
  ) {
    const { maxLoaded, queueLimit, queueTimeout, patience } = config.limits;
    const patienceMs = patience * 1000;
    this.queue = new WaitQueue({ clock, hooks, log, limit: queueLimit, timeoutMs: queueTimeout * 1000, patienceMs });
    const parts: Parts = {
      config,
      launcher,
      hooks,
      events,
      policy,
      clock,
      log,
      queue: this.queue,
      decide: () => this.decide(),
    };
    this.stops = new Stops(parts);
    this.starts = new Starts(parts, this.stops);
    this.rests = new Rests(parts, this.stops);
    this.roomParts = {
      hooks,
      clock,
      log,
      maxLoaded,
      patienceMs,
      launch: (slot) => this.starts.launch(slot),
      evict: (slot) => void this.stops.stop(slot, 'room'),
      lookAgain: (ms) => this.decideAfter(ms),
    };
  }

  async acquire(model: string, { signal, onProgress, onlyRunning = false }: AcquireOptions): Promise<Lease> {
    const target = this.models.resolve(model);
    const slot = this.slotFor(target);
    this.refuse(signal);
    if (this.queue.size === 0 && slot.serving && slot.hasCapacity) return this.lease(slot, target);
    return this.wait({ slot, explicit: false, onlyRunning, onProgress }, signal, () => this.lease(slot, target));
  }

  async start(model: string, options: { signal?: AbortSignal } = {}): Promise<SlotSnapshot> {
    const slot = this.slotFor(this.models.resolve(model));
    this.refuse(options.signal);
    slot.wish = 'running';
    slot.failures = 0;
    slot.retryAt = 0;
    if (slot.serving) return this.snapshot(slot);
    return this.wait({ slot, explicit: true, onlyRunning: false, onProgress: undefined }, options.signal, () =>
      this.snapshot(slot),
    );
  }

  async stop(model: string, options: { reason?: StopReason; signal?: AbortSignal } = {}): Promise<void> {
    const slot = this.slotFor(this.models.resolve(model));
    const reason = options.reason ?? 'requested';
    slot.wish = 'stopped';
    failWaiters(this.queue, slot, new LaminaError('MODEL_STOPPED', { model: slot.name, reason }));
    const gone = this.stops.stop(slot, reason).finally(() => {
      if (slot.wish === 'stopped') slot.wish = 'auto';
    });
    const { signal } = options;
    if (signal === undefined) return gone;
    await abortable(gone, signal).catch((error: unknown) => {
      throw signal.aborted ? new LaminaError('ABORTED', {}, { cause: error }) : error;
    });
  }

  slot(model: string): SlotSnapshot {
    const slot = this.slotsByName.get(model);
    return slot === undefined ? { model, state: 'stopped', wish: 'auto', busy: 0, waiting: 0 } : this.snapshot(slot);
  }

  slots(): readonly SlotSnapshot[] {
    return [...this.slotsByName.values()].filter((slot) => slot.state !== 'stopped').map((slot) => this.snapshot(slot));
  }

  machine(): Machine {
    return this.launcher.machine();
  }

  /**
   * Looks at every slot again after the manifest changed: those that would start differently now are started anew once
   * they are idle.
   */
  refresh(): void {
    for (const slot of this.slotsByName.values()) {
      if (this.models.get(slot.name) === undefined) this.removed(slot);
      else this.changed(slot);
    }
    this.decide();
  }

  /**
   * Stops everything; resolves when all is gone. Requests under way have their drain limit; aborting the signal ends
   * them and kills what is left.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.closing = true;
    this.cancelPatience();
    for (const waiter of this.queue.all()) this.queue.fail(waiter, new LaminaError('SHUTTING_DOWN', {}));
    const now = () => this.stops.killAll();
    signal.addEventListener('abort', now, { once: true });
    if (signal.aborted) now();
    const slots = [...this.slotsByName.values()];
    for (const slot of slots) {
      slot.wish = 'stopped';
      slot.cancelTimers();
    }
    await Promise.all(slots.map((slot) => this.stops.stop(slot, 'shutdown')));
    signal.removeEventListener('abort', now);
  }

  private removed(slot: Slot): void {
    if (slot.running === undefined)
      failWaiters(this.queue, slot, new LaminaError('MODEL_STOPPED', { model: slot.name, reason: 'removed' }));
    void this.stops.stop(slot, 'removed');
  }

  private changed(slot: Slot): void {
    const launched = slot.running?.prepared ?? (slot.state === 'starting' ? slot.prepared : undefined);
    if (launched !== undefined) {
      slot.outdated = this.launcher.fingerprint(slot.name, launched.instance.name) !== launched.fingerprint;
      return;
    }
    delete slot.prepared;
    // Requests that wait for a place need a new preparation: without one they would never be started.
    if (slot.state === 'queued') this.stops.abandon(slot);
  }

  private refuse(signal: AbortSignal | undefined): void {
    if (this.config.guest) throw guestError(this.config, 'engines');
    if (this.closing) throw new LaminaError('SHUTTING_DOWN', {});
    if (signal?.aborted === true) throw new LaminaError('ABORTED', {}, { cause: signal.reason });
  }

  private slotFor({ served }: ResolvedModel): Slot {
    let slot = this.slotsByName.get(served.name);
    if (slot === undefined)
      this.slotsByName.set(served.name, (slot = new Slot(served.name, (moved, from) => this.moved(moved, from))));
    return slot;
  }

  private moved(slot: Slot, from: SlotState): void {
    this.events.emit('model.state', { model: slot.name, from, to: slot.state });
  }

  private snapshot(slot: Slot): SlotSnapshot {
    return slot.snapshot(this.queue.of(slot).length);
  }

  private lease(slot: Slot, target: ResolvedModel): Lease {
    const running = slot.running!;
    running.busy += 1;
    return new ServerLease(target, running, (served) => this.release(slot, running, served));
  }

  private release(slot: Slot, running: Running, served: boolean): void {
    running.busy -= 1;
    slot.idleSince = this.clock.now();
    if (served) slot.failures = 0;
    if (running.busy === 0) running.drained?.();
    if (this.queue.size > 0 || slot.outdated) this.decide();
    else this.rests.settle(slot);
  }

  private wait<T>(
    wanted: Omit<NewWaiter, 'serve' | 'fail'>,
    signal: AbortSignal | undefined,
    serve: () => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const left = () => {
        reject(new LaminaError('ABORTED', {}, { cause: signal?.reason }));
        if (wanted.explicit) return;
        this.queue.remove(waiter);
        this.decide();
      };
      const done = () => signal?.removeEventListener('abort', left);
      const waiter = this.queue.add({
        ...wanted,
        serve: () => {
          done();
          resolve(serve());
        },
        fail: (error) => {
          done();
          reject(error as Error);
        },
      });
      signal?.addEventListener('abort', left, { once: true });
      this.decide();
    });
  }

  /** Brings what runs in step with what is wanted. Called after everything that could change either; never awaits. */
  private decide(): void {
    this.undecided = true;
    if (this.deciding || this.closing) return;
    this.deciding = true;
    try {
      while (this.undecided) {
        this.undecided = false;
        this.pass();
      }
    } finally {
      this.deciding = false;
    }
  }

  private pass(): void {
    const slots = [...this.slotsByName.values()];
    const waiters = this.queue.ordered();
    const room = new Room(this.roomParts, slots);
    for (const waiter of waiters) this.attend(waiter, room);
    for (const slot of slots) this.rests.settle(slot);
    this.queue.tellPositions(waiters);
  }

  private attend(waiter: Waiter, room: Room): void {
    const { slot } = waiter;
    if (slot.serving) {
      if (waiter.explicit || (slot.hasCapacity && !room.isFenced(slot))) this.queue.serve(waiter);
    } else if (waiter.onlyRunning) this.queue.fail(waiter, new LaminaError('MODEL_NOT_RUNNING', { model: slot.name }));
    else if (slot.state === 'sleeping' && slot.operation === undefined) void this.rests.wake(slot);
    else if (slot.state === 'stopped' || slot.state === 'failed') this.starts.begin(slot);
    else if (slot.state === 'queued' && slot.prepared !== undefined) room.give(waiter);
  }

  private decideAfter(ms: number): void {
    this.cancelPatience();
    this.cancelPatience = this.clock.after(ms, () => this.decide());
  }
}
