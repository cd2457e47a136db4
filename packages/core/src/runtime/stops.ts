// How a slot ends: nothing new, a drain, the leases cut, the server stopped, in this order and each with a limit.
import type { StopReason } from '../contract/backend.js';
import { LaminaError, reasonOf } from '../contract/errors.js';
import { enqueueStart, type Parts } from './parts.js';
import type { Running, Slot } from './slot.js';

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
    slot.move('stopping');
    slot.operation?.abort(new LaminaError('MODEL_STOPPED', { model: slot.name, reason }));
    slot.stopping = (starting ? slot.launched! : this.shutDown(slot, slot.running!, reason)).finally(() => {
      delete slot.stopping;
      this.parts.decide();
    });
    return slot.stopping;
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

  /** Ends a running server. Its state is `stopping` already. */
  async shutDown(slot: Slot, running: Running, reason: StopReason): Promise<void> {
    const { hooks, log, clock } = this.parts;
    const { model, limits } = running.prepared;
    const kill = new AbortController();
    const now = () => kill.abort();
    this.kill.signal.addEventListener('abort', now, { once: true });
    if (this.kill.signal.aborted) now();
    await hooks.run.beforeStop.promise(model, reason, { signal: kill.signal, log }).catch(() => undefined);
    await this.drain(running, reason === 'unhealthy' ? 0 : limits.drainMs, kill.signal);
    running.use.abort(new LaminaError(reason === 'shutdown' ? 'SHUTTING_DOWN' : 'MODEL_STOPPED', { model: slot.name, reason }));
    const cancelKill = clock.after(limits.stopMs, now);
    try {
      await running.server.stop({ reason, signal: kill.signal });
      await running.server.closed;
    } catch (error) {
      log.error({ model: slot.name, reason: reasonOf(error) }, 'A model server could not be stopped');
    } finally {
      cancelKill();
      this.kill.signal.removeEventListener('abort', now);
    }
    delete slot.running;
    slot.outdated = false;
    this.stopped(slot, reason);
  }

  /** The end of every stop. */
  stopped(slot: Slot, reason: StopReason): void {
    slot.cancelTimers();
    slot.move('stopped');
    this.parts.events.emit('model.stopped', { model: slot.name, reason });
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
