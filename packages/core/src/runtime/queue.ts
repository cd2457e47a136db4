// The requests that wait: bounded, ordered, each with a deadline and told its place.
import { LaminaError } from '../contract/errors.js';
import type { Clock, Logger } from '../contract/context.js';
import type { AcquireProgress } from '../contract/runtime.js';
import type { Hooks } from '../kernel/hooks.js';
import type { Slot } from './slot.js';

/** One waiting request. */
export interface Waiter {
  readonly id: number;
  readonly slot: Slot;
  readonly since: number;
  /** True for an explicit start: it waits on when its caller has left. */
  readonly explicit: boolean;
  /** True for a request that must not start or wake the model. */
  readonly onlyRunning: boolean;
  readonly serve: () => void;
  readonly fail: (error: unknown) => void;
  readonly onProgress: ((progress: AcquireProgress) => void) | undefined;
  position: number;
  cancelDeadline: () => void;
}

/** What a request that begins to wait says. */
export type NewWaiter = Pick<Waiter, 'slot' | 'explicit' | 'onlyRunning' | 'serve' | 'fail' | 'onProgress'>;

/** What the queue is made with. */
export interface QueueParts {
  readonly clock: Clock;
  readonly hooks: Hooks;
  readonly log: Logger;
  /** How many may wait. */
  readonly limit: number;
  /** How long one may. */
  readonly timeoutMs: number;
  readonly patienceMs: number;
}

/** Once a request has waited this many times its patience, no order of a plugin puts others before it. */
const ageingFactor = 10;

const never = new AbortController().signal;

/** The waiting requests of all slots, oldest first. */
export class WaitQueue {
  private readonly waiters = new Map<number, Waiter>();
  private count = 0;

  constructor(private readonly parts: QueueParts) {}

  get size(): number {
    return this.waiters.size;
  }

  /** @throws LaminaError `QUEUE_FULL` */
  add(waiter: NewWaiter): Waiter {
    if (this.waiters.size >= this.parts.limit)
      throw new LaminaError('QUEUE_FULL', { waiting: this.waiters.size, retry_after: 1 });
    const added: Waiter = {
      ...waiter,
      id: ++this.count,
      since: this.parts.clock.now(),
      position: 0,
      cancelDeadline: () => undefined,
    };
    added.cancelDeadline = this.deadline(added);
    this.waiters.set(added.id, added);
    return added;
  }

  /** Every waiter, oldest first. */
  all(): readonly Waiter[] {
    return [...this.waiters.values()];
  }

  of(slot: Slot): readonly Waiter[] {
    return this.all().filter((waiter) => waiter.slot === slot);
  }

  has(slot: Slot): boolean {
    for (const waiter of this.waiters.values()) if (waiter.slot === slot) return true;
    return false;
  }

  /** The waiters in the order of the hook, but for those that have waited too long: they come first, oldest first. */
  ordered(): readonly Waiter[] {
    const waiters = this.all();
    if (waiters.length < 2) return waiters;
    const { clock, hooks, log, patienceMs } = this.parts;
    const now = clock.now();
    const snapshot = waiters.map(({ id, slot, since }) => ({
      id,
      model: slot.name,
      waitedMs: now - since,
      loaded: slot.serving,
    }));
    const ids = hooks.run.orderQueue.call({ waiters: snapshot }, { signal: never, log }) ?? [];
    const places = new Map(ids.map((id, index) => [id, index]));
    const place = ({ id, since }: Waiter) =>
      now - since >= ageingFactor * patienceMs ? -1 : (places.get(id) ?? Infinity);
    return [...waiters].sort((a, b) => place(a) - place(b) || a.id - b.id);
  }

  /** Takes a waiter out and lets it go on. */
  serve(waiter: Waiter): void {
    if (this.remove(waiter)) waiter.serve();
  }

  /** Takes a waiter out and tells it why. */
  fail(waiter: Waiter, error: unknown): void {
    if (this.remove(waiter)) waiter.fail(error);
  }

  remove(waiter: Waiter): boolean {
    waiter.cancelDeadline();
    return this.waiters.delete(waiter.id);
  }

  /** Tells each waiter its place when that has changed. */
  tellPositions(ordered: readonly Waiter[]): void {
    let position = 0;
    for (const waiter of ordered) {
      if (!this.waiters.has(waiter.id)) continue;
      position += 1;
      if (waiter.position === position) continue;
      waiter.position = position;
      waiter.onProgress?.({ kind: 'queued', position });
    }
  }

  /** A load under way has a limit of its own and does not count as waiting. */
  private deadline(waiter: Waiter): () => void {
    let cancel = this.parts.clock.after(this.parts.timeoutMs, () => {
      if (['starting', 'waking'].includes(waiter.slot.state)) {
        cancel = this.deadline(waiter);
        return;
      }
      const reason =
        waiter.slot.running === undefined
          ? 'the models that are loaded are busy or pinned'
          : 'it is busy with other requests';
      this.fail(
        waiter,
        new LaminaError('QUEUE_TIMEOUT', {
          model: waiter.slot.name,
          waited: this.parts.timeoutMs / 1000,
          reason,
          retry_after: 5,
        }),
      );
    });
    return () => cancel();
  }
}
