// The runtime: slots, their states, and leases on model servers.
import type { Endpoint, EndpointOptions, Machine, RequestAdapter, ServerInfo, StopReason } from './backends.js';
import type { slotStateSchema } from './events.js';
import type { MemorySnapshot, ModelMemory } from './memory.js';
import type { ResolvedModel } from './models.js';
import type { DocumentOf } from './schema.js';

/** The state of a slot. */
export type SlotState = DocumentOf<typeof slotStateSchema>;

/**
 * The state a slot should have: `auto` runs while it is used, `running` until it is stopped explicitly, `stopped` while
 * an explicit stop is in progress.
 */
export type DesiredState = 'auto' | 'running' | 'stopped';

/** The public view of a slot. */
export interface SlotSnapshot {
  readonly model: string;
  readonly state: SlotState;
  readonly desiredState: DesiredState;
  /** The backend it runs on, or ran on last. */
  readonly backend?: string;
  readonly lifetime?: 'owned' | 'external';
  /** Requests in progress. */
  readonly busy: number;
  /** How many requests it serves at once; others wait. */
  readonly capacity?: number;
  /** Number of waiting requests. */
  readonly waiting: number;
  /** Time at which the server became ready, ISO 8601. */
  readonly startedAt?: string;
  /** Duration of the last start in milliseconds. */
  readonly loadMs?: number;
  readonly info?: ServerInfo;
  readonly pid?: number;
  /** Where the engine listens; not shown to clients. */
  readonly origin?: string;
  /** The last failure. Cleared by a successful start. */
  readonly error?: { readonly code: string; readonly message: string };
  /** When it is stopped, or put to sleep, if no request comes until then, ISO 8601; missing while it is in use. */
  readonly idleAt?: string;
  /** When a failed model may be started again, ISO 8601; missing once that time has come. */
  readonly retryAt?: string;
  /** The memory it holds; missing while it does not run. */
  readonly memory?: ModelMemory;
  /** Why requests for it wait, a sentence part: `it needs 5.0 GB more memory, and "big" is busy`. */
  readonly waitReason?: string;
}

/**
 * The right to use a model server for one request. Always call `release` when the request has ended.
 * @example
 * ```ts
 * const lease = await lamina.runtime.acquire('tiny', { signal });
 * try {
 *   const { baseUrl, headers = {} } = lease.endpoint();
 *   await fetch(`${baseUrl}/models`, { headers, signal: lease.signal });
 * } finally {
 *   lease.release();
 * }
 * ```
 */
export interface Lease {
  readonly target: ResolvedModel;
  readonly backend: string;
  readonly info: ServerInfo;
  /**
   * Aborted when the server must no longer be used: it died, or it is being stopped and the drain has ended. Its reason
   * is a LaminaError.
   */
  readonly signal: AbortSignal;
  readonly adapt: RequestAdapter | undefined;
  /** Where to send the request, as {@link ModelServer.endpoint}. */
  endpoint(options?: EndpointOptions): Endpoint;
  /** Resolves with the reason when the server has ended. Never rejects. */
  readonly ended: Promise<string>;
  /** True after the server has ended. */
  readonly over: boolean;
  /**
   * Call it when bytes of a response arrive: without them, a server whose health checks fail is ended. It only sets a
   * flag, so call it for every chunk.
   */
  touch(): void;
  /** `served`: the request was answered, which resets the number of failures. */
  release(outcome?: { served: boolean }): void;
}

/** The options of `acquire`. */
export interface AcquireOptions {
  readonly signal: AbortSignal;
  /** Called with the place in the queue (1 is next) whenever it changes, and with the stages of a start. */
  readonly onProgress?: (progress: AcquireProgress) => void;
  /** Never starts or wakes the model; fails with `MODEL_NOT_RUNNING` unless it runs. Default false. */
  readonly onlyRunning?: boolean;
  /**
   * How long the model stays loaded after this request, in milliseconds, instead of its `limits.idle_timeout`: 0 ends it
   * when no request runs, `Infinity` keeps it. The last request counts; one without it brings the limit back. Models that
   * are pinned or were started explicitly stay.
   */
  readonly keepAlive?: number;
  /** Called once with how long a request had to wait, when its waiting has ended in whichever way. */
  readonly onWaited?: (times: WaitTimes) => void;
}

/** The options of `load`. */
export type LoadOptions = Pick<AcquireOptions, 'signal' | 'keepAlive' | 'onlyRunning'>;

/** How long a request waited, in milliseconds: for its turn or memory, and for the model to load or wake. */
export interface WaitTimes {
  readonly queueMs: number;
  readonly loadMs: number;
}

/** The progress of a request that waits for a lease. */
export type AcquireProgress =
  | { readonly kind: 'queued'; readonly position: number }
  | { readonly kind: 'loading'; readonly stage: string; readonly ratio?: number };

/** Starts and stops models, and grants leases on their servers. */
export interface Runtime {
  /**
   * A lease on the server of a model, which is started if necessary. `model`: a name, an alias, the name of an adapter,
   * or what `models.resolve` returned for one.
   * @throws LaminaError `MODEL_NOT_FOUND`, `MODEL_FILES_MISSING`, `BACKEND_UNAVAILABLE`, `BACKEND_UNREACHABLE`,
   * `OUT_OF_MEMORY`, `MODEL_START_FAILED`, `START_BACKING_OFF`, `QUEUE_FULL`, `QUEUE_TIMEOUT`, `MODEL_STOPPED`,
   * `MODEL_NOT_RUNNING`, `SHUTTING_DOWN`, `ABORTED`
   * @example
   * ```ts
   * const lease = await lamina.runtime.acquire('tiny', { signal, onProgress: (progress) => console.log(progress) });
   * lease.release();
   * ```
   */
  acquire(model: string | ResolvedModel, options: AcquireOptions): Promise<Lease>;
  /**
   * Starts a model and keeps it running; resolves when it is ready. Aborting the signal only ends the waiting, not the
   * start.
   * @throws as `acquire`
   * @example
   * ```ts
   * const { state, loadMs } = await lamina.runtime.start('tiny', { signal });
   * ```
   */
  start(model: string, options?: { signal?: AbortSignal }): Promise<SlotSnapshot>;
  /**
   * Loads a model as a request would, so that it is stopped when it has been idle; resolves when it is ready. With
   * `onlyRunning` it only changes how long a running model stays.
   * @throws as `acquire`
   * @example
   * ```ts
   * await lamina.runtime.load('tiny', { signal, keepAlive: 60_000 });
   * ```
   */
  load(model: string, options: LoadOptions): Promise<SlotSnapshot>;
  /**
   * Whether the engine of a model is known to have a route, such as `messages`: its running server says so, or the type
   * of the backend on which it would run.
   * @throws LaminaError `MODEL_NOT_FOUND`, `ABORTED`
   * @example
   * ```ts
   * if (await lamina.runtime.hasRoute('tiny', 'messages', { signal })) console.log('The engine serves it itself.');
   * ```
   */
  hasRoute(model: string, route: string, options: { readonly signal: AbortSignal }): Promise<boolean>;
  /**
   * Stops a model; resolves when it has ended. Requests in progress are drained first, up to the model's limit.
   * @example
   * ```ts
   * await lamina.runtime.stop('tiny');
   * ```
   */
  stop(model: string, options?: { reason?: StopReason; signal?: AbortSignal }): Promise<void>;
  /**
   * The slot of a model; `stopped` for one that never ran.
   * @example
   * ```ts
   * if (lamina.runtime.slot('tiny').state === 'ready') console.log('loaded');
   * ```
   */
  slot(model: string): SlotSnapshot;
  /**
   * All slots that are not `stopped`.
   * @example
   * ```ts
   * const loaded = lamina.runtime.slots().map(({ model }) => model);
   * ```
   */
  slots(): readonly SlotSnapshot[];
  /**
   * The system memory for models, for estimates.
   * @example
   * ```ts
   * const { totalBytes, freeBytes, cores } = lamina.runtime.machine();
   * ```
   */
  machine(): Machine;
  /**
   * What models may use and what they use.
   * @example
   * ```ts
   * const { budget, reserved } = lamina.runtime.memory();
   * console.log(reserved.host, budget.host);
   * ```
   */
  memory(): MemorySnapshot;
}
