// The runtime: slots, their states, and leases on the model servers in them.
import type { Endpoint, Machine, RequestAdapter, ServerInfo, StopReason } from './backends.js';
import type { QueueSnapshot, RoomSnapshot } from './hooks.js';
import type { ResolvedModel } from './models.js';

/** What the runtime decides by, all of it pure: a host may bind another. */
export interface Policy {
  /** The waiting requests in the order they are looked at, by id. */
  order(snapshot: QueueSnapshot): readonly number[];
  /** The models to stop so that `need.slots` become free; fewer, or none, when that cannot be. */
  victims(snapshot: RoomSnapshot): readonly string[];
  /** How long a model is left alone after so many failures in a row, in milliseconds. */
  backoffMs(failures: number): number;
}

/** Where a slot stands. */
export type SlotState =
  'stopped' | 'queued' | 'starting' | 'ready' | 'sleeping' | 'waking' | 'degraded' | 'stopping' | 'failed';

/**
 * What a slot is meant to be: `auto` runs while it is used, `running` until told otherwise, `stopped` while a stop is
 * under way.
 */
export type DesiredState = 'auto' | 'running' | 'stopped';

/** A slot, seen from outside. */
export interface SlotSnapshot {
  readonly model: string;
  readonly state: SlotState;
  readonly desiredState: DesiredState;
  /** The backend it runs, or last ran, on. */
  readonly backend?: string;
  readonly lifetime?: 'owned' | 'external';
  /** Requests it is serving now. */
  readonly busy: number;
  /** Requests it serves at once; the others wait. */
  readonly capacity?: number;
  /** Requests that wait for it. */
  readonly waiting: number;
  /** When the running server became ready, ISO 8601. */
  readonly startedAt?: string;
  /** How long the last start took, in milliseconds. */
  readonly loadMs?: number;
  readonly info?: ServerInfo;
  readonly pid?: number;
  /** Where the engine listens, for those who may know. */
  readonly origin?: string;
  /** The last failure, until a start succeeds. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** The right to use a model server now. Give it back with `release`, always, once. */
export interface Lease {
  readonly target: ResolvedModel;
  readonly backend: string;
  readonly info: ServerInfo;
  /**
   * Aborted when the server must not be used any longer: it died, or it is stopped and the drain has ended. Its reason
   * is a LaminaError.
   */
  readonly signal: AbortSignal;
  readonly adapt: RequestAdapter | undefined;
  /**
   * Where to send the next request; `failed` is the endpoint that just refused one, so that a server with replicas
   * gives another.
   */
  endpoint(failed?: Endpoint): Endpoint;
  /** Settles when the server has ended, with the reason in words. Never rejects. */
  readonly ended: Promise<string>;
  /** True once the server has ended. */
  readonly over: boolean;
  /**
   * Call it when bytes of an answer arrive: a sign of life, without which a server whose health checks fail is ended.
   * It only sets a flag, so call it for every chunk.
   */
  touch(): void;
  /** `served` says that the request was answered, which clears the record of failures. */
  release(outcome?: { served: boolean }): void;
}

/** What one request for a lease says. */
export interface AcquireOptions {
  readonly signal: AbortSignal;
  /** Told the place in the queue (1 is next) whenever it changes, and the stages of a start. */
  readonly onProgress?: (progress: AcquireProgress) => void;
  /** Never starts or wakes the model: `MODEL_NOT_RUNNING` unless it runs. Default false. */
  readonly onlyRunning?: boolean;
}

/** What happens before a lease is there. */
export type AcquireProgress =
  | { readonly kind: 'queued'; readonly position: number }
  | { readonly kind: 'loading'; readonly stage: string; readonly ratio?: number };

/** What runs, and the right to use it. */
export interface Runtime {
  /**
   * A lease on the server of a model, by name, alias or adapter; started when it is not running.
   * @throws LaminaError `MODEL_NOT_FOUND`, `MODEL_FILES_MISSING`, `BACKEND_UNAVAILABLE`, `OUT_OF_MEMORY`,
   * `MODEL_START_FAILED`, `START_BACKING_OFF`, `QUEUE_FULL`, `QUEUE_TIMEOUT`, `MODEL_STOPPED`, `MODEL_NOT_RUNNING`,
   * `SHUTTING_DOWN`, `ABORTED`
   */
  acquire(model: string | ResolvedModel, options: AcquireOptions): Promise<Lease>;
  /**
   * Starts a model and keeps it; resolves when it is ready. It outlives its caller: aborting the signal only ends the
   * waiting.
   * @throws as `acquire`
   */
  start(model: string, options?: { signal?: AbortSignal }): Promise<SlotSnapshot>;
  /** Stops a model; resolves when it is gone. Requests under way are drained first, up to the model's limit. */
  stop(model: string, options?: { reason?: StopReason; signal?: AbortSignal }): Promise<void>;
  /** The slot of a model; one that never ran is `stopped`. */
  slot(model: string): SlotSnapshot;
  /** Every slot that is not `stopped`. */
  slots(): readonly SlotSnapshot[];
  /** This machine, as estimates see it. */
  machine(): Machine;
}
