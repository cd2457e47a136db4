// The life of a model server: prepare, start, sleep, wake, stop, crash. Each step ends with a change of its slot.
import { setMaxListeners } from 'node:events';
import type { ModelServer, StopReason } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { Policy } from '../contract/policy.js';
import { withTimeout } from '../kernel/abort.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { reasonOf } from '../kernel/reason.js';
import { isShortage } from '../kernel/shortage.js';
import { watchHealth } from './health.js';
import type { Launcher, PreparedStart } from './launcher.js';
import type { WaitQueue } from './queue.js';
import type { RunningServer, Slot } from './slot.js';

/** How long a server may take to disappear after it should have been killed, in milliseconds. */
const killTimeoutMs = 10_000;

const never = new AbortController().signal;
setMaxListeners(0, never);

/** Moves slots from state to state. */
export class Lifecycle {
  /** Aborted when everything must end now. */
  private readonly kill = new AbortController();

  constructor(
    private readonly config: Config,
    private readonly launcher: Launcher,
    private readonly queue: WaitQueue,
    private readonly hooks: Hooks,
    private readonly events: EventBus,
    private readonly policy: Policy,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    setMaxListeners(0, this.kill.signal);
  }

  /** Prepares a start; while the slot is backing off after failures, those who wait for it are rejected instead. */
  async prepare(slot: Slot): Promise<void> {
    const waitMs = slot.retryAt - this.clock.now();
    if (slot.state === 'failed' && waitMs > 0) return this.queue.failAll(slot, backingOff(slot, waitMs));
    slot.move('queued');
    slot.outdated = false;
    delete slot.prepared;
    const operation = slot.beginOperation();
    try {
      const prepared = await this.launcher.prepare(slot.name, operation.signal);
      if (!operation.signal.aborted) slot.prepared = prepared;
    } catch (error) {
      if (!operation.signal.aborted) this.startFailed(slot, error, false);
    }
    slot.endOperation(operation);
  }

  /** Starts a prepared slot. */
  start(slot: Slot): void {
    slot.launched = this.launch(slot, slot.prepared!);
  }

  /** Fails a start that was only prepared, with everybody who waits for it. */
  refuse(slot: Slot, error: LaminaError): void {
    this.startFailed(slot, error, false);
  }

  /** Cancels a start that was only prepared. */
  cancel(slot: Slot): void {
    slot.operation?.abort();
    delete slot.operation;
    slot.move('stopped');
  }

  async sleep(slot: Slot): Promise<void> {
    const operation = slot.beginOperation();
    slot.move('sleeping');
    await this.sleepOrWake(slot, operation.signal, 'sleep');
    slot.endOperation(operation);
  }

  async wake(slot: Slot): Promise<void> {
    const operation = slot.beginOperation();
    slot.move('waking');
    await this.sleepOrWake(slot, operation.signal, 'wake');
    if (slot.state === 'waking') slot.move('ready');
    slot.endOperation(operation);
  }

  /** Stops the slot in whatever state it is; resolves when nothing runs. A second call joins the stop in progress. */
  stop(slot: Slot, reason: StopReason): Promise<void> {
    if (slot.stopping !== undefined) return slot.stopping;
    if (slot.state === 'queued') this.cancel(slot);
    if (slot.state === 'stopped' || slot.state === 'failed') return Promise.resolve();
    const starting = slot.state === 'starting';
    slot.stopReason = reason;
    const error = new LaminaError('MODEL_STOPPED', { model: slot.name, reason });
    return this.end(slot, error, () => (starting ? slot.launched! : this.shutDown(slot, slot.running!, reason)));
  }

  /** Cuts drains and graceful stops short, those in progress and later ones. */
  killAll(): void {
    this.kill.abort();
  }

  private async launch(slot: Slot, prepared: PreparedStart): Promise<void> {
    const operation = slot.beginOperation();
    const began = this.clock.now();
    slot.move('starting');
    try {
      const server = await this.launcher.start(prepared, operation.signal, (update) => this.progress(slot, update));
      const running = this.track(slot, server, prepared);
      if (operation.signal.aborted) await this.shutDown(slot, running, slot.stopReason);
      else this.ready(slot, running, this.clock.now() - began);
    } catch (error) {
      if (operation.signal.aborted) this.stopped(slot, slot.stopReason);
      else this.startFailed(slot, error, !isShortage(error));
    }
    slot.endOperation(operation);
  }

  private progress(slot: Slot, update: { stage: string; ratio?: number }): void {
    this.events.emit('model.progress', { model: slot.name, ...update });
    for (const waiter of this.queue.of(slot)) waiter.onProgress?.({ kind: 'loading', ...update });
  }

  /** Records the server in its slot; an end that nobody asked for is a crash. */
  private track(slot: Slot, server: ModelServer, prepared: PreparedStart): RunningServer {
    const use = new AbortController();
    setMaxListeners(0, use.signal); // Every request on the server listens to it.
    const running: RunningServer = {
      server,
      prepared,
      startedAt: this.clock.date(),
      use,
      ended: server.closed.then((exit) => exit.reason),
      over: false,
      busy: 0,
      touched: false,
    };
    slot.running = running;
    void server.closed.then(({ reason, lastLines }) => {
      running.over = true;
      const details = { model: slot.name, reason };
      use.abort(new LaminaError(endCode(slot), { ...details, last_lines: lastLines.slice(-20) }));
      if (slot.running === running && slot.state !== 'stopping')
        this.crashed(slot, new LaminaError(endCode(slot), details));
    });
    return running;
  }

  private ready(slot: Slot, running: RunningServer, loadMs: number): void {
    slot.loadMs = loadMs;
    slot.idleSince = this.clock.now();
    delete slot.error;
    slot.move('ready');
    const backend = running.prepared.instance.name;
    this.events.emit('model.ready', { model: slot.name, backend, load_ms: loadMs });
    const intervalMs = this.config.limits.healthInterval * 1000;
    watchHealth(slot, running, intervalMs, this.clock, (reason) => void this.giveUp(slot, reason));
  }

  /**
   * `counts`: the engine failed, so the next start is delayed; otherwise the start was impossible before anything ran,
   * or the system was short of something.
   */
  private startFailed(slot: Slot, thrown: unknown, counts: boolean): void {
    const error = LaminaError.from(thrown);
    if (error.code === 'INTERNAL') this.log.error({ model: slot.name, err: thrown }, 'A start failed inside Lamina');
    if (slot.desiredState === 'running') slot.desiredState = 'auto';
    slot.failures = counts ? slot.failures + 1 : 0;
    this.failed(slot, error, this.policy.backoffMs(slot.failures));
    this.queue.failAll(slot, error);
  }

  /** The first crash has no delay; a second one, without a request served in between, has. */
  private crashed(slot: Slot, error: LaminaError): void {
    slot.operation?.abort();
    delete slot.running;
    slot.outdated = false;
    slot.failures += 1;
    this.failed(slot, error, this.policy.backoffMs(slot.failures - 1));
  }

  private failed(slot: Slot, error: LaminaError, backoffMs: number): void {
    slot.error = error;
    slot.retryAt = this.clock.now() + backoffMs;
    slot.move('failed');
    this.events.emit('model.failed', { model: slot.name, error: error.toWire() });
  }

  private async sleepOrWake(slot: Slot, signal: AbortSignal, action: 'sleep' | 'wake'): Promise<void> {
    const { server, prepared } = slot.running!;
    const { loadMs } = prepared.limits;
    const timeoutError = () => new Error(`it took longer than ${loadMs / 1000} s`);
    try {
      await withTimeout(signal, loadMs, timeoutError, (limited) => server[action]!(limited));
    } catch (error) {
      if (!signal.aborted) void this.giveUp(slot, `it failed to ${action}: ${reasonOf(error)}`);
    }
  }

  /**
   * Ends a running server that no longer works: it is killed without a drain and counts as crashed. A request without
   * an answer goes to its successor, for which the backend is chosen again.
   */
  private giveUp(slot: Slot, reason: string): Promise<void> {
    if (slot.stopping !== undefined) return slot.stopping;
    const details = { model: slot.name, reason };
    const error = new LaminaError(endCode(slot), details);
    this.log.warn(details, 'Stopping a model server that no longer works');
    return this.end(slot, error, () => this.shutDown(slot, slot.running!, 'unhealthy', error));
  }

  private end(slot: Slot, error: LaminaError, run: () => Promise<void>): Promise<void> {
    slot.move('stopping');
    slot.operation?.abort(error);
    return (slot.stopping = run());
  }

  /** Ends a running server whose slot is `stopping`: drains it, ends its leases, stops it. A failure skips the drain. */
  private async shutDown(slot: Slot, running: RunningServer, reason: StopReason, failure?: LaminaError): Promise<void> {
    const { model, limits } = running.prepared;
    const kill = new AbortController();
    const killNow = () => kill.abort();
    this.kill.signal.addEventListener('abort', killNow, { once: true });
    if (this.kill.signal.aborted) killNow();
    const context = { signal: kill.signal, log: this.log };
    await this.hooks.run.beforeStop.promise(model, reason, context).catch(() => undefined);
    if (failure !== undefined) killNow();
    await this.drain(running, limits.drainMs, kill.signal);
    const code = reason === 'shutdown' ? 'SHUTTING_DOWN' : 'MODEL_STOPPED';
    running.use.abort(failure ?? new LaminaError(code, { model: slot.name, reason }));
    const cancelKill = this.clock.after(limits.stopMs, killNow);
    const timeoutError = () => new Error(`it still runs ${killTimeoutMs / 1000} s after it should have been killed`);
    try {
      await withTimeout(never, limits.stopMs + killTimeoutMs, timeoutError, async () => {
        await running.server.stop({ reason, signal: kill.signal });
        await running.server.closed;
      });
    } catch (error) {
      this.log.error({ model: slot.name, reason: reasonOf(error) }, 'A model server could not be stopped');
    } finally {
      cancelKill();
      this.kill.signal.removeEventListener('abort', killNow);
    }
    delete slot.running;
    slot.outdated = false;
    if (failure === undefined) this.stopped(slot, reason);
    else this.crashed(slot, failure);
  }

  private stopped(slot: Slot, reason: StopReason): void {
    slot.move('stopped');
    this.events.emit('model.stopped', { model: slot.name, reason });
  }

  /** Resolves when no request is in progress, at the limit, or when the signal is aborted. */
  private drain(running: RunningServer, limitMs: number, signal: AbortSignal): Promise<void> {
    if (running.busy === 0 || limitMs === 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.clock.after(limitMs, done);
      signal.addEventListener('abort', done, { once: true });
      running.drained = done;
    });
  }
}

/** A server that Lamina only attaches to has not exited when it does not respond. */
function endCode({ external }: Slot): 'MODEL_SERVER_EXITED' | 'MODEL_SERVER_UNREACHABLE' {
  return external ? 'MODEL_SERVER_UNREACHABLE' : 'MODEL_SERVER_EXITED';
}

function backingOff(slot: Slot, waitMs: number): LaminaError {
  return new LaminaError('START_BACKING_OFF', {
    model: slot.name,
    failures: slot.failures,
    retry_after: Math.ceil(waitMs / 1000),
    reason: slot.error?.message ?? 'unknown',
  });
}
