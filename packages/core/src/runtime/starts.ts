// How a slot comes to run: prepared, started, watched; and what follows when that fails or the server crashes.
import { setMaxListeners } from 'node:events';
import type { ModelServer } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import { isShortage } from '../kernel/shortage.js';
import { watchHealth } from './health.js';
import type { Prepared } from './launcher.js';
import { failWaiters, finish, operate, type Parts } from './parts.js';
import type { Running, Slot } from './slot.js';
import type { Stops } from './stops.js';

/** Starts slots. */
export class Starts {
  constructor(
    private readonly parts: Parts,
    private readonly stops: Stops,
  ) {}

  /** Prepares a start, unless the slot is left alone after failures: then everybody who waits for it is told so. */
  begin(slot: Slot): void {
    const wait = slot.retryAt - this.parts.clock.now();
    if (slot.state === 'failed' && wait > 0) return failWaiters(this.parts.queue, slot, backingOff(slot, wait));
    slot.move('queued');
    slot.outdated = false;
    delete slot.prepared;
    void this.prepare(slot);
  }

  /** Starts a prepared slot. */
  launch(slot: Slot): void {
    slot.launched = this.run(slot, slot.prepared!);
  }

  private async prepare(slot: Slot): Promise<void> {
    const operation = operate(slot);
    try {
      const prepared = await this.parts.launcher.prepare(slot.name, operation.signal);
      if (!operation.signal.aborted) slot.prepared = prepared;
    } catch (error) {
      if (!operation.signal.aborted) this.failed(slot, error, false);
    } finally {
      finish(slot, operation, this.parts.decide);
    }
  }

  private async run(slot: Slot, prepared: Prepared): Promise<void> {
    const { clock, launcher } = this.parts;
    const operation = operate(slot);
    const began = clock.now();
    slot.move('starting');
    try {
      const server = await launcher.start(prepared, operation.signal, (update) => this.progress(slot, update));
      const running = this.track(slot, server, prepared);
      if (operation.signal.aborted) await this.stops.shutDown(slot, running, slot.stopReason);
      else this.ready(slot, running, clock.now() - began);
    } catch (error) {
      if (operation.signal.aborted) this.stops.stopped(slot, slot.stopReason);
      else this.failed(slot, error, !isShortage(error));
    } finally {
      finish(slot, operation, this.parts.decide);
    }
  }

  private ready(slot: Slot, running: Running, loadMs: number): void {
    slot.loadMs = loadMs;
    slot.idleSince = this.parts.clock.now();
    delete slot.error;
    slot.move('ready');
    this.parts.events.emit('model.ready', {
      model: slot.name,
      backend: running.prepared.instance.name,
      load_ms: loadMs,
    });
    watchHealth(slot, running, this.parts, (reason) => void this.stops.giveUp(slot, reason));
  }

  /**
   * `counts`: the engine failed, which is not tried again at once; else the start was impossible before anything ran,
   * or the system was short of something.
   */
  private failed(slot: Slot, thrown: unknown, counts: boolean): void {
    const { clock, events, log, policy, queue } = this.parts;
    const error = LaminaError.from(thrown);
    if (error.code === 'INTERNAL') log.error({ model: slot.name, err: thrown }, 'A start failed inside Lamina');
    slot.error = error;
    if (slot.wish === 'running') slot.wish = 'auto';
    slot.failures = counts ? slot.failures + 1 : 0;
    slot.retryAt = clock.now() + policy.backoffMs(slot.failures);
    slot.move('failed');
    events.emit('model.failed', { model: slot.name, error: error.toWire() });
    failWaiters(queue, slot, error);
  }

  /** Hears the end of a server; one that nobody asked for is a crash. */
  private track(slot: Slot, server: ModelServer, prepared: Prepared): Running {
    const use = sharedController();
    const running: Running = {
      server,
      prepared,
      startedAt: this.parts.clock.now(),
      use,
      ended: server.closed.then((exit) => exit.reason),
      over: false,
      busy: 0,
      touched: false,
    };
    slot.running = running;
    void server.closed.then((exit) => {
      running.over = true;
      use.abort(
        new LaminaError('MODEL_SERVER_EXITED', {
          model: slot.name,
          reason: exit.reason,
          last_lines: exit.lastLines.slice(-20),
        }),
      );
      if (slot.running === running && slot.state !== 'stopping')
        this.stops.crashed(slot, new LaminaError('MODEL_SERVER_EXITED', { model: slot.name, reason: exit.reason }));
    });
    return running;
  }

  private progress(slot: Slot, update: { stage: string; ratio?: number }): void {
    this.parts.events.emit('model.progress', { model: slot.name, ...update });
    for (const waiter of this.parts.queue.of(slot)) waiter.onProgress?.({ kind: 'loading', ...update });
  }
}

function backingOff(slot: Slot, waitMs: number): LaminaError {
  return new LaminaError('START_BACKING_OFF', {
    model: slot.name,
    failures: slot.failures,
    retry_after: Math.ceil(waitMs / 1000),
    reason: slot.error?.message ?? 'unknown',
  });
}

/** Every request on a server listens to this one signal, however many there are. */
function sharedController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
