// What happens to a slot that nobody uses: a start is given up, an idle server sleeps or is stopped; and how a sleeper
// is woken.
import { reasonOf } from '../kernel/reason.js';
import { withTimeout } from '../kernel/abort.js';
import { finish, operate, type Parts } from './parts.js';
import type { Slot } from './slot.js';
import type { Stops } from './stops.js';

/** Keeps the timers of slots in step with their use. */
export class Rests {
  constructor(
    private readonly parts: Parts,
    private readonly stops: Stops,
  ) {}

  /** Looks at a slot after its use changed. */
  settle(slot: Slot): void {
    const wanted = slot.wish === 'running' || this.parts.queue.has(slot);
    if (slot.state === 'queued' && !this.parts.queue.has(slot)) return this.stops.abandon(slot);
    if (slot.outdated && slot.running?.busy === 0 && slot.stopping === undefined) return void this.stops.restart(slot);
    this.settleLinger(slot, slot.state === 'starting' && !wanted);
    if (slot.serving && !wanted && slot.running!.busy === 0) this.armIdle(slot);
  }

  /** Wakes a sleeping server. */
  async wake(slot: Slot): Promise<void> {
    const operation = operate(slot);
    slot.move('waking');
    await this.change(slot, operation, 'wake');
    if (slot.state === 'waking') slot.move('ready');
    finish(slot, operation, this.parts.decide);
  }

  private async sleep(slot: Slot): Promise<void> {
    const operation = operate(slot);
    slot.move('sleeping');
    await this.change(slot, operation, 'sleep');
    finish(slot, operation, this.parts.decide);
  }

  /** A server that cannot sleep or wake when told is of no use any more. */
  private async change(slot: Slot, { signal }: AbortController, what: 'sleep' | 'wake'): Promise<void> {
    const { server, prepared } = slot.running!;
    const { loadMs } = prepared.limits;
    const late = () => new Error(`it took longer than ${loadMs / 1000} s`);
    try {
      await withTimeout(signal, loadMs, late, (limited) => server[what]!(limited));
    } catch (error) {
      if (!signal.aborted) void this.stops.giveUp(slot, `it failed to ${what}: ${reasonOf(error)}`);
    }
  }

  private settleLinger(slot: Slot, unwanted: boolean): void {
    const { clock, config, queue } = this.parts;
    if (!unwanted) {
      slot.cancelLinger?.();
      delete slot.cancelLinger;
      return;
    }
    slot.cancelLinger ??= clock.after(config.limits.linger * 1000, () => {
      delete slot.cancelLinger;
      if (slot.state === 'starting' && slot.wish === 'auto' && !queue.has(slot)) void this.stops.stop(slot, 'unwanted');
    });
  }

  private armIdle(slot: Slot): void {
    const { model, limits } = slot.running!.prepared;
    if (limits.idleMs === 0 || slot.external || model.pinned) return;
    slot.cancelIdle ??= this.parts.clock.after(slot.idleSince + limits.idleMs - this.parts.clock.now(), () =>
      this.idle(slot, limits.idleMs),
    );
  }

  /** One timer serves many requests: when it rings it looks how long the slot has really been idle. */
  private idle(slot: Slot, idleMs: number): void {
    delete slot.cancelIdle;
    const unused = slot.serving && slot.running!.busy === 0 && slot.wish === 'auto' && !this.parts.queue.has(slot);
    if (!unused) return;
    if (this.parts.clock.now() - slot.idleSince < idleMs) return this.settle(slot);
    if (slot.running!.server.sleep === undefined) void this.stops.stop(slot, 'idle');
    else void this.sleep(slot);
  }
}
