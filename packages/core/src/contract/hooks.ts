// The verbs a plugin may have a say in: twelve hooks, their signatures and their rules.
import type { Acceptance, Availability, ModelServer, StopReason } from './backends.js';
import type { Model } from './models.js';
import type { Context } from './context.js';
import type { InferenceRequest } from './inference.js';
import type { SlotState } from './runtime.js';
import type { DownloadPlan, PlanFile } from './source.js';

type Awaitable<T> = T | Promise<T>;

/** Where `discoverModels` taps put what they find. */
export interface Discovery {
  /** Offers a model the manifest does not name. */
  add(model: Model): void;
}

/** A backend that could run a model, as `selectBackend` sees it. */
export interface BackendCandidate {
  readonly backend: string;
  readonly type: string;
  readonly acceptance: Acceptance;
  readonly availability: Availability;
}

/** What `selectVictims` decides on: who needs room, and what is there. */
export interface RoomSnapshot {
  readonly need: { readonly model: string; readonly slots: number };
  readonly running: readonly RunningSnapshot[];
}

/** A running slot in a {@link RoomSnapshot}. */
export interface RunningSnapshot {
  readonly model: string;
  readonly state: SlotState;
  readonly busy: number;
  readonly pinned: boolean;
  /** Milliseconds since its last request ended. */
  readonly idleMs: number;
  /** How long it took to load, in milliseconds. */
  readonly loadMs: number;
}

/** What `orderQueue` decides on: one entry a waiting request. */
export interface QueueSnapshot {
  readonly waiters: readonly {
    readonly id: number;
    readonly model: string;
    readonly waitedMs: number;
    readonly loaded: boolean;
  }[];
}

/** What a `suggestModel` tap is told was asked for. */
export interface Requirements {
  readonly aiModel?: string;
  readonly useCase?: string;
  readonly category?: string;
  readonly maxBytes?: number;
}

/** A model that could be suggested, with the reasons in words. */
export interface SuggestCandidate {
  readonly model: Model;
  /** Its files are here, and nothing is wrong with them. */
  readonly available: boolean;
  readonly score: number;
  readonly reasons: readonly string[];
}

/** The signature of a tap, for each hook. `undefined` keeps what is; `null` is a fault. Arguments are frozen. */
export interface HookSignatures {
  /** Offers models that are not in the manifest. Runs when the registry loads and reloads. */
  discoverModels(discovery: Discovery, context: Context): Awaitable<void>;
  /** Changes what is known of a model: its format, metadata, options. Runs when the registry loads it. */
  describeModel(model: Model, context: Context): Awaitable<Model | undefined>;
  /**
   * Changes a download's plan: mirrors, the choice of files. Runs after a source made the plan, before the job exists.
   */
  planDownload(plan: DownloadPlan, context: Context): Awaitable<DownloadPlan | undefined>;
  /**
   * Looks at finished files before they get their names, where `from.file` says they lie now; throwing keeps them
   * aside. Runs after their SHA-256 was checked.
   */
  verifyDownload(plan: DownloadPlan, files: readonly PlanFile[], context: Context): Awaitable<void>;
  /** Chooses the backend, by name. Runs before a start; the first answer counts, core's own is the last tap. */
  selectBackend(model: Model, candidates: readonly BackendCandidate[], context: Context): Awaitable<string | undefined>;
  /** Changes the options a model starts with. Runs when there is room, right before the engine starts. */
  beforeStart(
    options: Readonly<Record<string, unknown>>,
    model: Model,
    backend: string,
    context: Context,
  ): Awaitable<Readonly<Record<string, unknown>> | undefined>;
  /** Hears that a model is ready, before its first request. */
  afterStart(model: Model, server: ModelServer, context: Context): Awaitable<void>;
  /** Hears that a model will be stopped, before its requests are drained. */
  beforeStop(model: Model, reason: StopReason, context: Context): Awaitable<void>;
  /** Chooses what is stopped to make room, by name. Core checks the answer: never a busy or pinned model. */
  selectVictims(snapshot: RoomSnapshot, context: Context): readonly string[] | undefined;
  /** Orders the queue, by id. Core's bound on waiting holds all the same. */
  orderQueue(snapshot: QueueSnapshot, context: Context): readonly number[] | undefined;
  /** Changes a ranked suggestion. Runs after core has ranked. */
  suggestModel(
    candidates: readonly SuggestCandidate[],
    requirements: Requirements,
    context: Context,
  ): Awaitable<readonly SuggestCandidate[] | undefined>;
  /**
   * Changes, reroutes or refuses (by throwing a LaminaError) a request. Runs before a lease is asked for, so nothing is
   * loaded for a refused one.
   */
  beforeRequest(request: InferenceRequest, context: Context): Awaitable<InferenceRequest | undefined>;
}

/** The name of a hook. */
export type HookName = keyof HookSignatures;

interface HookRow {
  /** The tapable class: its name says in which order taps run and what their answers do. */
  readonly type:
    'AsyncParallelHook' | 'AsyncSeriesHook' | 'AsyncSeriesBailHook' | 'AsyncSeriesWaterfallHook' | 'SyncBailHook';
  /**
   * When a tap fails: `stop` fails the call that ran the hook, `isolate` logs it, emits `plugin.failed` and goes on
   * without it.
   */
  readonly onFailure: 'stop' | 'isolate';
  readonly before: string;
  readonly after: string;
  /** How long one tap may take, in milliseconds; a synchronous tap cannot be cut short. */
  readonly limitMs: number;
}

/** The rules of every hook; docs/hooks.md is made from this. */
export const hookTable = {
  discoverModels: {
    type: 'AsyncParallelHook',
    onFailure: 'isolate',
    before: 'the manifest is read',
    after: 'describeModel of what it offers',
    limitMs: 60_000,
  },
  describeModel: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'isolate',
    before: 'its files are found',
    after: 'the model is listed',
    limitMs: 10_000,
  },
  planDownload: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'stop',
    before: 'a source resolved the reference',
    after: 'the job is queued',
    limitMs: 30_000,
  },
  verifyDownload: {
    type: 'AsyncSeriesHook',
    onFailure: 'stop',
    before: 'the SHA-256 was checked',
    after: 'the files get their names',
    limitMs: 600_000,
  },
  selectBackend: {
    type: 'AsyncSeriesBailHook',
    onFailure: 'stop',
    before: 'a start is wanted',
    after: 'room is made',
    limitMs: 10_000,
  },
  beforeStart: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'stop',
    before: 'room is made',
    after: 'the engine starts',
    limitMs: 30_000,
  },
  afterStart: {
    type: 'AsyncSeriesHook',
    onFailure: 'isolate',
    before: 'the engine is ready',
    after: 'the first lease',
    limitMs: 30_000,
  },
  beforeStop: {
    type: 'AsyncSeriesHook',
    onFailure: 'isolate',
    before: 'a stop is decided',
    after: 'the drain',
    limitMs: 5_000,
  },
  selectVictims: {
    type: 'SyncBailHook',
    onFailure: 'isolate',
    before: 'a start needs room',
    after: 'beforeStop',
    limitMs: 50,
  },
  orderQueue: {
    type: 'SyncBailHook',
    onFailure: 'isolate',
    before: 'requests wait',
    after: 'leases are given',
    limitMs: 50,
  },
  suggestModel: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'isolate',
    before: 'core ranked the models',
    after: 'the answer',
    limitMs: 5_000,
  },
  beforeRequest: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'stop',
    before: 'a request was read',
    after: 'its model is resolved and a lease asked for',
    limitMs: 10_000,
  },
} as const satisfies Record<HookName, HookRow>;

/** A hook as a plugin holds it: it may tap, never trigger. */
export interface TapPoint<Name extends HookName> {
  /**
   * Adds a function; `stage` orders taps, smaller first, 0 when not given. The host gives the tap its plugin's name.
   */
  tap(run: HookSignatures[Name], options?: { stage?: number }): void;
}

/** All hooks, as a plugin holds them. Frozen. */
export type HookTaps = { readonly [Name in HookName]: TapPoint<Name> };
