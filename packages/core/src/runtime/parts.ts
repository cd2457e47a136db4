// What the steps of a slot's life share.
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import type { LaminaError } from '../contract/errors.js';
import type { Policy } from '../contract/runtime.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import type { Launcher } from './launcher.js';
import type { WaitQueue } from './queue.js';
import type { Slot } from './slot.js';

/** Handed to every step. */
export interface Parts {
  readonly config: Config;
  readonly launcher: Launcher;
  readonly hooks: Hooks;
  readonly events: EventBus;
  readonly policy: Policy;
  readonly clock: Clock;
  readonly log: Logger;
  readonly queue: WaitQueue;
  /** Asks for a decision; each step ends with it. */
  readonly decide: () => void;
}

/** Tells everybody who waits for a slot that there is nothing to wait for. */
export function failWaiters(queue: WaitQueue, slot: Slot, error: LaminaError): void {
  for (const waiter of queue.of(slot)) queue.fail(waiter, error);
}

/** A start that nobody waits for: of a model that is to be running. */
export function enqueueStart(queue: WaitQueue, slot: Slot): void {
  queue.add({
    slot,
    explicit: true,
    onlyRunning: false,
    onProgress: undefined,
    serve: () => undefined,
    fail: () => undefined,
  });
}

/** Marks what the slot is doing; aborting the answer ends it. */
export function operate(slot: Slot): AbortController {
  return (slot.operation = new AbortController());
}

/** The end of what {@link operate} began. */
export function finish(slot: Slot, operation: AbortController, decide: () => void): void {
  if (slot.operation === operation) delete slot.operation;
  decide();
}
