// How a slot ends: nothing new, a drain, the leases cut, the server stopped, in this order and each with a limit.
import type { StopReason } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import { withTimeout } from '../kernel/abort.js';
import { enqueueStart, type Parts } from './parts.js';
import type { Running, Slot } from './slot.js';

/** How long a server may still be there after it should have been killed, in milliseconds. */
const killedMs = 10_000;

const never = new AbortController().signal;

/** Ends slots. */
export class Stops {
  /** Aborted when everything must end now. */
  private readonly kill = new AbortController();

  constructor(private readonly parts: Parts) {}

  /** Ends drains and graceful stops, those under way and those to come. */
  killAll(): void {
    this.kill.abort();
  }

  /** Stops whatever the slot is doing; resolves when it is gone. Called again, it is the same stop. */
  stop(slot: Slot, reason: StopReason): Promise<void> {
    if (slot.stopping !== undefined) return slot.stopping;
    if (slot.state === 'queued') this.abandon(slot);
    if (slot.state === 'stopped' || slot.state === 'failed') return Promise.resolve();
    const starting = slot.state === 'starting';
    slot.stopReason = reason;
    const error = new LaminaError('MODEL_STOPPED', { model: slot.name, reason });
    return this.end(slot, error, () => (starting ? slot.launched! : this.shutDown(slot, slot.running!, reason)));
  }

  /**
   * Ends a running server that is of no use any more: it is killed without a drain, and then everything is as after a
   * crash. A request that was not answered yet can be sent to its successor; that of an external server would be the
   * same server again.
   */
  giveUp(slot: Slot, reason: string): Promise<void> {
    if (slot.stopping !== undefined) return slot.stopping;
    const details = { model: slot.name, reason };
    const error = new LaminaError(slot.external ? 'MODEL_SERVER_UNREACHABLE' : 'MODEL_SERVER_EXITED', details);
    this.parts.log.warn(details, 'A model server is ended because it does not work any more');
    return this.end(slot, error, () => this.shutDown(slot, slot.running!, 'unhealthy', error));
  }

  /**
   * After the end of a server that nobody asked for. The first is forgiven at once; one after another, without a
   * request served between, are not.
   */
  crashed(slot: Slot, error: LaminaError): void {
    const { clock, decide, events, policy } = this.parts;
    slot.operation?.abort();
    slot.cancelTimers();
    delete slot.running;
    slot.outdated = false;
    slot.error = error;
    slot.failures += 1;
    slot.retryAt = clock.now() + policy.backoffMs(slot.failures - 1);
    slot.move('failed');
    events.emit('model.failed', { model: slot.name, error: error.toWire() });
    if (slot.wish === 'running') this.startAgain(slot);
    decide();
  }

  /** Stops it for a change of the manifest; what was meant to be running is started again. */
  async restart(slot: Slot): Promise<void> {
    const keep = slot.wish === 'running';
    await this.stop(slot, 'changed');
    if (!keep || slot.wish !== 'running' || slot.state !== 'stopped') return;
    enqueueStart(this.parts.queue, slot);
    this.parts.decide();
  }

  /** A start that only exists in the plan is dropped at once. */
  abandon(slot: Slot): void {
    slot.operation?.abort();
    delete slot.operation;
    slot.move('stopped');
  }

  /** Ends a running server: at once when that is because of a failure. Its state is `stopping` already. */
  async shutDown(slot: Slot, running: Running, reason: StopReason, failure?: LaminaError): Promise<void> {
    const { hooks, log, clock } = this.parts;
    const { model, limits } = running.prepared;
    const kill = new AbortController();
    const now = () => kill.abort();
    this.kill.signal.addEventListener('abort', now, { once: true });
    if (this.kill.signal.aborted) now();
    await hooks.run.beforeStop.promise(model, reason, { signal: kill.signal, log }).catch(() => undefined);
    if (failure !== undefined) now();
    await this.drain(running, limits.drainMs, kill.signal);
    running.use.abort(
      failure ??
        new LaminaError(reason === 'shutdown' ? 'SHUTTING_DOWN' : 'MODEL_STOPPED', { model: slot.name, reason }),
    );
    const cancelKill = clock.after(limits.stopMs, now);
    const late = () => new Error(`it was still there ${killedMs / 1000} s after it should have been killed`);
    try {
      await withTimeout(never, limits.stopMs + killedMs, late, async () => {
        await running.server.stop({ reason, signal: kill.signal });
        await running.server.closed;
      });
    } catch (error) {
      log.error({ model: slot.name, reason: reasonOf(error) }, 'A model server could not be stopped');
    } finally {
      cancelKill();
      this.kill.signal.removeEventListener('abort', now);
    }
    delete slot.running;
    slot.outdated = false;
    if (failure === undefined) this.stopped(slot, reason);
    else this.crashed(slot, failure);
  }

  /** The end of every stop. */
  stopped(slot: Slot, reason: StopReason): void {
    slot.cancelTimers();
    slot.move('stopped');
    this.parts.events.emit('model.stopped', { model: slot.name, reason });
  }

  private end(slot: Slot, error: LaminaError, run: () => Promise<void>): Promise<void> {
    slot.move('stopping');
    slot.operation?.abort(error);
    slot.stopping = run().finally(() => {
      delete slot.stopping;
      this.parts.decide();
    });
    return slot.stopping;
  }

  /** What was started explicitly is started again after a crash, without anybody waiting for it. */
  private startAgain(slot: Slot): void {
    const { clock, decide, queue } = this.parts;
    slot.cancelRetry = clock.after(Math.max(0, slot.retryAt - clock.now()), () => {
      if (slot.wish !== 'running' || slot.state !== 'failed') return;
      enqueueStart(queue, slot);
      decide();
    });
  }

  /** Resolves when no request is under way any more, or the limit has passed, or the signal is aborted. */
  private drain(running: Running, limitMs: number, signal: AbortSignal): Promise<void> {
    if (running.busy === 0 || limitMs === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.parts.clock.after(limitMs, done);
      signal.addEventListener('abort', done, { once: true });
      running.drained = done;
    });
  }
}
