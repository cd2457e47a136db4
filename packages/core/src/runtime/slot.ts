// The state of one running thing: what may follow what, and what is there while it runs.
import type { ModelServer, StopReason } from '../contract/backends.js';
import type { LaminaError } from '../contract/errors.js';
import type { SlotSnapshot, SlotState, SlotWish } from '../contract/runtime.js';
import type { Prepared } from './launcher.js';

/** Which states may follow a state. */
export const transitions: Readonly<Record<SlotState, readonly SlotState[]>> = {
  stopped: ['queued'],
  queued: ['starting', 'stopped', 'failed'],
  starting: ['ready', 'stopping', 'failed'],
  ready: ['degraded', 'sleeping', 'stopping', 'failed'],
  degraded: ['ready', 'sleeping', 'stopping', 'failed'],
  sleeping: ['waking', 'stopping', 'failed'],
  waking: ['ready', 'stopping', 'failed'],
  stopping: ['stopped', 'failed'],
  failed: ['queued', 'stopped'],
};

/** A started model server and who uses it. */
export interface Running {
  readonly server: ModelServer;
  readonly prepared: Prepared;
  readonly startedAt: number;
  /** Aborted, with a LaminaError, when the leases on it end. */
  readonly use: AbortController;
  /** Why it ended, in words. */
  readonly ended: Promise<string>;
  over: boolean;
  busy: number;
  /** True when bytes of an answer came since the last health check. */
  touched: boolean;
  /** Called when `busy` falls to 0 while it is being stopped. */
  drained?: () => void;
}

/** One slot. The runtime alone changes it. */
export class Slot {
  state: SlotState = 'stopped';
  wish: SlotWish = 'auto';
  running?: Running;
  /** What the next start will use, once it is known. */
  prepared?: Prepared;
  /** Ends the preparation, start, sleep or wake under way. */
  operation?: AbortController;
  /** The start under way, or the last one; settles when it is over, well or not. */
  launched?: Promise<void>;
  /** The stop under way. */
  stopping?: Promise<void>;
  stopReason: StopReason = 'requested';
  /** True when the manifest changed so that it must be started anew after its leases end. */
  outdated = false;
  /** When it was last used. */
  idleSince = 0;
  loadMs = 0;
  failures = 0;
  retryAt = 0;
  error?: LaminaError;
  cancelIdle?: () => void;
  cancelLinger?: () => void;
  cancelRetry?: () => void;

  constructor(
    readonly name: string,
    private readonly onMove: (slot: Slot, from: SlotState) => void,
  ) {}

  /** Changes the state; a change the table does not know is a fault of Lamina. */
  move(to: SlotState): void {
    const from = this.state;
    if (!transitions[from].includes(to)) throw new Error(`slot ${this.name}: ${from} cannot become ${to}`);
    this.state = to;
    this.onMove(this, from);
  }

  /** Forgets what was to happen later. */
  cancelTimers(): void {
    for (const name of ['cancelIdle', 'cancelLinger', 'cancelRetry'] as const) {
      this[name]?.();
      delete this[name];
    }
  }

  /** True when a request may be sent now. */
  get serving(): boolean {
    return (this.state === 'ready' || this.state === 'degraded') && !this.outdated;
  }

  /** True when one more request may be sent. */
  get hasCapacity(): boolean {
    return (
      this.running !== undefined &&
      this.running.busy < (this.running.prepared.capacity(this.running.server.info) ?? Infinity)
    );
  }

  /** True while it takes a place among those `maxLoaded` counts. */
  get occupies(): boolean {
    const external = (this.running?.prepared ?? this.prepared)?.instance.type.lifetime === 'external';
    return !external && !['stopped', 'queued', 'failed'].includes(this.state);
  }

  get external(): boolean {
    return (this.running?.prepared ?? this.prepared)?.instance.type.lifetime === 'external';
  }

  /** The slot as it is seen from outside; `waiting` is known to the queue. */
  snapshot(waiting: number): SlotSnapshot {
    const prepared = this.running?.prepared ?? this.prepared;
    return {
      model: this.name,
      state: this.state,
      wish: this.wish,
      busy: this.running?.busy ?? 0,
      waiting,
      ...preparedPart(prepared),
      ...this.runningPart(),
      ...this.errorPart(),
    };
  }

  private runningPart() {
    if (this.running === undefined) return {};
    const { server, startedAt, prepared } = this.running;
    const capacity = prepared.capacity(server.info);
    return {
      startedAt: new Date(startedAt).toISOString(),
      loadMs: this.loadMs,
      info: server.info,
      ...(capacity === undefined ? {} : { capacity }),
      ...(server.pid === undefined ? {} : { pid: server.pid }),
      ...originOf(server),
    };
  }

  private errorPart() {
    return this.error === undefined ? {} : { error: { code: this.error.code, message: this.error.message } };
  }
}

function preparedPart(prepared: Prepared | undefined) {
  return prepared === undefined ? {} : { backend: prepared.instance.name, lifetime: prepared.instance.type.lifetime };
}

function originOf(server: ModelServer): { origin?: string } {
  try {
    return { origin: new URL(server.endpoint().baseUrl).origin };
  } catch {
    return {};
  }
}
