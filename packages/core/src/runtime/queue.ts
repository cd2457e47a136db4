// The waiting requests: a bounded, ordered queue with a deadline for each request.
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { ModelLimits } from '../contract/models.js';
import type { AcquireProgress } from '../contract/runtime.js';
import type { Hooks } from '../kernel/hooks.js';
import type { Slot } from './slot.js';

/** What a request that begins to wait passes. */
export interface NewWaiter {
  readonly slot: Slot;
  /** Those of its model. */
  readonly limits: Pick<ModelLimits, 'queue_limit' | 'queue_timeout'>;
  /** True for an explicit start: it continues to wait when its caller has left. */
  readonly explicit: boolean;
  /** True for a request that must not start or wake the model. */
  readonly onlyRunning: boolean;
  readonly onProgress: ((progress: AcquireProgress) => void) | undefined;
  readonly serve: () => void;
  readonly fail: (error: unknown) => void;
}

/** One waiting request. */
export interface Waiter extends NewWaiter {
  readonly id: number;
  readonly since: number;
  position: number;
  cancelDeadline: () => void;
}

/** A request that has waited this many times the starvation timeout is served first, whatever order a plugin returns. */
const ageingFactor = 10;

const never = new AbortController().signal;

/** The limits of a suggestion when to try again, in seconds. */
const leastRetryAfter = 1;
const mostRetryAfter = 60;
/** How much the newest measurement counts in a mean. */
const newestShare = 0.2;

/** The waiting requests of one slot, oldest first, and how fast they are served. */
interface SlotQueue {
  readonly waiters: Map<number, Waiter>;
  /** When the last one was served while others waited on. */
  servedAt?: number;
  /** Mean time between two served requests while others wait, in milliseconds. */
  meanMs?: number;
}

/** The waiting requests of all slots, oldest first. */
export class WaitQueue {
  private readonly waiters = new Map<number, Waiter>();
  private readonly bySlot = new Map<Slot, SlotQueue>();
  private count = 0;

  constructor(
    private readonly config: Config,
    private readonly hooks: Hooks,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  get size(): number {
    return this.waiters.size;
  }

  /** @throws LaminaError `QUEUE_FULL` */
  add(waiter: NewWaiter): Waiter {
    const { slot, limits } = waiter;
    const waiting = this.countOf(slot);
    const retry_after = () => this.retryAfter(slot);
    if (waiting >= (limits.queue_limit ?? Infinity))
      throw new LaminaError('QUEUE_FULL', { queue: ` of model "${slot.name}"`, waiting, retry_after: retry_after() });
    if (this.size >= this.config.limits.queueLimit)
      throw new LaminaError('QUEUE_FULL', { queue: '', waiting: this.size, retry_after: retry_after() });
    return this.insert(waiter);
  }

  /** Queues a start that no caller waits for, of a model whose desired state is `running`. */
  addStart(slot: Slot): void {
    const nothing = () => undefined;
    const callbacks = { onProgress: undefined, serve: nothing, fail: nothing };
    this.insert({ slot, limits: {}, explicit: true, onlyRunning: false, ...callbacks });
  }

  /** Every waiter, oldest first. */
  all(): readonly Waiter[] {
    return [...this.waiters.values()];
  }

  of(slot: Slot): readonly Waiter[] {
    return [...(this.bySlot.get(slot)?.waiters.values() ?? [])];
  }

  countOf(slot: Slot): number {
    return this.bySlot.get(slot)?.waiters.size ?? 0;
  }

  has(slot: Slot): boolean {
    return this.countOf(slot) > 0;
  }

  includes({ id }: Waiter): boolean {
    return this.waiters.has(id);
  }

  /** The waiters in the hook's order, except that those that have waited too long come first, oldest first. */
  ordered(): readonly Waiter[] {
    const waiters = this.all();
    if (waiters.length < 2) return waiters;
    const now = this.clock.now();
    const snapshot = waiters.map(({ id, slot, since }) => ({
      id,
      model: slot.name,
      waitedMs: now - since,
      loaded: slot.serving,
    }));
    const ids = this.hooks.run.orderQueue.call({ waiters: snapshot }, { signal: never, log: this.log }) ?? [];
    const places = new Map(ids.map((id, index) => [id, index]));
    const ageingMs = ageingFactor * this.config.limits.starvationTimeout * 1000;
    const place = ({ id, since }: Waiter) => (now - since >= ageingMs ? -1 : (places.get(id) ?? Infinity));
    return [...waiters].sort((a, b) => place(a) - place(b) || a.id - b.id);
  }

  /** Removes a waiter and serves it. */
  serve(waiter: Waiter): void {
    if (!this.remove(waiter)) return;
    this.measure(waiter.slot);
    waiter.serve();
  }

  /** Removes a waiter and rejects its request. */
  fail(waiter: Waiter, error: unknown): void {
    if (this.remove(waiter)) waiter.fail(error);
  }

  /** Rejects every request that waits for a slot. */
  failAll(slot: Slot, error: LaminaError): void {
    for (const waiter of this.of(slot)) this.fail(waiter, error);
  }

  remove(waiter: Waiter): boolean {
    waiter.cancelDeadline();
    this.bySlot.get(waiter.slot)?.waiters.delete(waiter.id);
    return this.waiters.delete(waiter.id);
  }

  /** Forgets a slot that nobody waits for, and how fast it served. */
  forget(slot: Slot): void {
    this.bySlot.delete(slot);
  }

  /** Reports its place to each waiter whose place has changed. */
  updatePositions(ordered: readonly Waiter[]): void {
    let position = 0;
    for (const waiter of ordered) {
      if (!this.waiters.has(waiter.id)) continue;
      position += 1;
      if (waiter.position === position) continue;
      waiter.position = position;
      waiter.onProgress?.({ kind: 'queued', position });
    }
  }

  private insert(waiter: NewWaiter): Waiter {
    const since = this.clock.now();
    const added: Waiter = { ...waiter, id: ++this.count, since, position: 0, cancelDeadline: () => undefined };
    this.setDeadline(added);
    this.waiters.set(added.id, added);
    this.queueOf(added.slot).waiters.set(added.id, added);
    return added;
  }

  private queueOf(slot: Slot): SlotQueue {
    let queue = this.bySlot.get(slot);
    if (queue === undefined) this.bySlot.set(slot, (queue = { waiters: new Map() }));
    return queue;
  }

  private measure(slot: Slot): void {
    const queue = this.queueOf(slot);
    const now = this.clock.now();
    if (queue.servedAt !== undefined) {
      const { meanMs = now - queue.servedAt } = queue;
      queue.meanMs = meanMs + newestShare * (now - queue.servedAt - meanMs);
    }
    if (queue.waiters.size > 0) queue.servedAt = now;
    else delete queue.servedAt;
  }

  /** When those that wait for a slot now will have been served, at the pace seen so far, in seconds. */
  private retryAfter(slot: Slot): number {
    const { meanMs = 0 } = this.queueOf(slot);
    const ms = meanMs * this.countOf(slot) + (slot.running === undefined ? slot.loadMs : 0);
    return Math.min(mostRetryAfter, Math.max(leastRetryAfter, Math.ceil(ms / 1000)));
  }

  /** A load in progress has a limit of its own and does not count as waiting. */
  private setDeadline(waiter: Waiter): void {
    const { slot, limits } = waiter;
    const queueTimeout = limits.queue_timeout ?? this.config.limits.queueTimeout;
    waiter.cancelDeadline = this.clock.after(queueTimeout * 1000, () => {
      if (['starting', 'waking'].includes(slot.state)) return this.setDeadline(waiter);
      const reason =
        slot.running === undefined ? 'the models that are loaded are busy' : 'it is busy with other requests';
      const details = { model: slot.name, waited: queueTimeout, reason, retry_after: this.retryAfter(slot) };
      this.fail(waiter, new LaminaError('QUEUE_TIMEOUT', details));
    });
  }
}
