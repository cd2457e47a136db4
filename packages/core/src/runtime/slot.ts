// The runtime state of one model: which state may follow which, and what exists while its server runs.
import type { ModelServer, StopReason } from '../contract/backends.js';
import type { Clock } from '../contract/context.js';
import type { LaminaError } from '../contract/errors.js';
import type { DesiredState, SlotSnapshot, SlotState } from '../contract/runtime.js';
import type { Resources } from '../contract/memory.js';
import type { PreparedStart } from './launcher.js';

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

/** A started model server and its use. */
export interface RunningServer {
  readonly server: ModelServer;
  readonly prepared: PreparedStart;
  readonly startedAt: Date;
  /** Aborted, with a LaminaError, when the leases on it end. */
  readonly use: AbortController;
  /** Resolves with the reason when the server has ended. */
  readonly ended: Promise<string>;
  over: boolean;
  /** Leases in use. */
  busy: number;
  /** True when bytes of a response arrived since the last health check. */
  touched: boolean;
  /** Called when `busy` falls to 0 while the server is being stopped. */
  drained?: () => void;
}

/** A request that waits for a slot since a time, in milliseconds of the clock. */
export interface WaitingRequest {
  readonly slot: Slot;
  readonly since: number;
}

/** One slot. Only the runtime changes it. */
export class Slot {
  state: SlotState = 'stopped';
  desiredState: DesiredState = 'auto';
  running?: RunningServer;
  /** What the next start will use, once it is known. */
  prepared?: PreparedStart;
  /** Aborts the preparation, start, sleep or wake in progress. */
  operation?: AbortController;
  /** The start in progress, or the last one; resolves when it has ended, successfully or not. */
  launched?: Promise<void>;
  /** The stop in progress. */
  stopping?: Promise<void>;
  stopReason: StopReason = 'requested';
  /** True when its model is never stopped for another one, nor when idle. */
  pinned = false;
  /** True when the manifest changed so that the server must be restarted after its leases end. */
  outdated = false;
  /** When it was last used. */
  idleSince = 0;
  /** How long it stays loaded when it is not used, in milliseconds, if the last request said so. */
  keepAlive: number | undefined;
  /** The waiting request, of another model, for which it accepts no newer requests, so that it becomes idle. */
  yieldsTo?: WaitingRequest;
  /** Since when a prepared start lacks memory that other programs hold. */
  foreignSince?: number;
  /** What a prepared start lacks, by resource. */
  missing?: Resources;
  loadMs = 0;
  /** When the last start or wake began and ended; `Infinity` while it is in progress. */
  lastLoad = { began: 0, ended: 0 };
  failures = 0;
  retryAt = 0;
  error?: LaminaError;

  /** `onChange` is called after each change of the state (`from` differs from it) and at the end of each operation. */
  constructor(
    readonly name: string,
    private readonly onChange: (slot: Slot, from: SlotState) => void,
  ) {}

  /** Changes the state. @throws Error for a transition that is not in the table: a bug in Lamina */
  move(to: SlotState): void {
    const from = this.state;
    if (!transitions[from].includes(to)) throw new Error(`slot ${this.name}: ${from} cannot become ${to}`);
    this.state = to;
    if (from === 'stopping') delete this.stopping;
    this.onChange(this, from);
  }

  /** Marks the slot as occupied by an operation, which ends when the returned controller is aborted. */
  beginOperation(): AbortController {
    return (this.operation = new AbortController());
  }

  endOperation(operation: AbortController): void {
    if (this.operation === operation) delete this.operation;
    this.onChange(this, this.state);
  }

  /** True when a request may be sent now. */
  get serving(): boolean {
    return (this.state === 'ready' || this.state === 'degraded') && !this.outdated;
  }

  /** True when one more request may be sent. */
  get hasCapacity(): boolean {
    return this.running !== undefined && this.running.busy < (this.capacity ?? Infinity);
  }

  /** True while it holds memory. */
  get occupies(): boolean {
    return !this.external && !['stopped', 'queued', 'failed'].includes(this.state);
  }

  /** True when nothing runs, and nothing is about to. */
  get isAtRest(): boolean {
    return (this.state === 'stopped' || this.state === 'failed') && this.operation === undefined;
  }

  /** True when Lamina only attaches to the server: it neither starts nor stops it. */
  get external(): boolean {
    return this.current?.instance.type.lifetime === 'external';
  }

  /** The public view; `more` is what others know. */
  snapshot(waiting: number, clock: Clock, more: Pick<SlotSnapshot, 'idleAt' | 'memory' | 'waitReason'>): SlotSnapshot {
    return {
      model: this.name,
      state: this.state,
      desiredState: this.desiredState,
      busy: this.running?.busy ?? 0,
      waiting,
      ...backendFields(this.current),
      ...this.serverFields(),
      ...(this.error === undefined ? {} : { error: { code: this.error.code, message: this.error.message } }),
      ...(this.state === 'failed' && this.retryAt > clock.now()
        ? { retryAt: clock.date(this.retryAt).toISOString() }
        : {}),
      ...more,
    };
  }

  private get current(): PreparedStart | undefined {
    return this.running?.prepared ?? this.prepared;
  }

  private get capacity(): number | undefined {
    return this.running?.prepared.capacity(this.running.server.info);
  }

  private serverFields() {
    if (this.running === undefined) return {};
    const { server, startedAt } = this.running;
    return {
      startedAt: startedAt.toISOString(),
      loadMs: this.loadMs,
      info: server.info,
      ...(this.capacity === undefined ? {} : { capacity: this.capacity }),
      ...(server.pid === undefined ? {} : { pid: server.pid }),
      ...originField(server),
    };
  }
}

function backendFields(prepared: PreparedStart | undefined) {
  return prepared === undefined ? {} : { backend: prepared.instance.name, lifetime: prepared.instance.type.lifetime };
}

function originField(server: ModelServer): { origin?: string } {
  try {
    return { origin: new URL(server.endpoint().baseUrl).origin };
  } catch {
    return {};
  }
}
