// The hooks that plugins tap: their signatures and their rules.
import type { Acceptance, Availability, ModelServer, StopReason } from './backends.js';
import type { Model } from './models.js';
import type { Context } from './context.js';
import type { InferenceRequest } from './inference-request.js';
import type { Manifest } from './manifest.js';
import type { ResponseTransforms } from './response-transforms.js';
import type { Resources } from './memory.js';
import type { SlotState } from './runtime.js';
import type { DownloadPlan, PlanFile } from './source.js';

type Awaitable<T> = T | Promise<T>;

/** Collects what `discoverModels` taps find. */
export interface Discovery {
  /**
   * Offers a model that is not in the manifest; the first model of a name counts, and one with files counts more than
   * one without. A model with no files is available: it is served elsewhere.
   */
  add(model: Model): void;
  /** The manifest that was read: its models have precedence, its backends may know further ones. */
  readonly manifest: Manifest;
}

/** A backend that could run a model. */
export interface BackendCandidate {
  readonly backend: string;
  readonly type: string;
  readonly acceptance: Acceptance;
  readonly availability: Availability;
}

/** The input of `selectVictims`: the model that needs memory, what is missing, and the running models. */
export interface RoomSnapshot {
  readonly need: { readonly model: string; readonly resources: Resources };
  /** What victims must free, for each resource that is short. */
  readonly missing: Resources;
  readonly budget: Resources;
  readonly running: readonly RunningSnapshot[];
}

/** A running model in a {@link RoomSnapshot}. */
export interface RunningSnapshot {
  readonly model: string;
  readonly state: SlotState;
  /** Requests under way. */
  readonly busy: number;
  /** True for a model that must not be stopped: a pinned one, or one that changes its state right now. */
  readonly pinned: boolean;
  /** True when it may be a victim: it is idle and not pinned, or it is starting and nobody waits for it. */
  readonly evictable: boolean;
  /** What stopping it frees. */
  readonly resources: Resources;
  /** Milliseconds since its last request ended. */
  readonly idleMs: number;
  /** Load time in milliseconds. */
  readonly loadMs: number;
}

/** The input of `orderQueue`: the waiting requests. */
export interface QueueSnapshot {
  readonly waiters: readonly {
    readonly id: number;
    readonly model: string;
    readonly waitedMs: number;
    readonly loaded: boolean;
  }[];
}

/** What a suggestion must fulfil. */
export interface Requirements {
  readonly aiModel?: string;
  readonly useCase?: string;
  readonly category?: string;
  readonly maxBytes?: number;
}

/** A model that could be suggested. */
export interface SuggestCandidate {
  readonly model: Model;
  /** Its files are on disk and valid. */
  readonly available: boolean;
  /** Higher is better; comparable within one list only. */
  readonly score: number;
  /** Why it has this score, a sentence part each. */
  readonly reasons: readonly string[];
}

/**
 * The signature of a tap, for each hook. Return `undefined` to leave the value unchanged; `null` is an error. Arguments
 * are frozen: return a changed copy.
 *
 * @example
 * ```ts
 * lamina.hooks.beforeStart.tap((options) => ({ ...options, threads: 4 }));
 * ```
 */
export interface HookSignatures {
  /**
   * Offers models that are not in the manifest. Runs at the start, at a reload and when files change; a plugin that
   * knows more models than before calls `lamina.models.reload()`.
   * @example
   * ```ts
   * lamina.hooks.discoverModels.tap((discovery) => discovery.add(model));
   * ```
   */
  discoverModels(discovery: Discovery, context: Context): Awaitable<void>;
  /**
   * Changes what is known about a model: its format, metadata, options. Runs whenever the models are read.
   * @example
   * ```ts
   * lamina.hooks.describeModel.tap((model) => ({ ...model, options: { threads: 4, ...model.options } }));
   * ```
   */
  describeModel(model: Model, context: Context): Awaitable<Model | undefined>;
  /**
   * Changes the plan of a download: mirrors, which files. Runs before the job is created.
   * @example
   * ```ts
   * lamina.hooks.planDownload.tap((plan) => ({ ...plan, name: plan.name?.toLowerCase() ?? 'model' }));
   * ```
   */
  planDownload(plan: DownloadPlan, context: Context): Awaitable<DownloadPlan | undefined>;
  /**
   * Verifies downloaded files, which are at `from.file`, before they get their final names. Throw to reject them. Runs
   * after their SHA-256 was checked.
   * @example
   * ```ts
   * lamina.hooks.verifyDownload.tap((plan, files) => {
   *   if (files.length > 100) throw new Error(`${plan.source} lists more than 100 files`);
   * });
   * ```
   */
  verifyDownload(plan: DownloadPlan, files: readonly PlanFile[], context: Context): Awaitable<void>;
  /**
   * Chooses the backend, by name. Runs before a start. The first answer counts; core's own tap is the last.
   * @example
   * ```ts
   * lamina.hooks.selectBackend.tap((_, candidates) => candidates.find(({ type }) => type === 'vllm')?.backend);
   * ```
   */
  selectBackend(model: Model, candidates: readonly BackendCandidate[], context: Context): Awaitable<string | undefined>;
  /**
   * Changes the options that a model starts with. Runs right before the engine starts.
   * @example
   * ```ts
   * lamina.hooks.beforeStart.tap((options, { limits }) => ({ ...options, parallel: limits.max_concurrency ?? 1 }));
   * ```
   */
  beforeStart(
    options: Readonly<Record<string, unknown>>,
    model: Model,
    backend: string,
    context: Context,
  ): Awaitable<Readonly<Record<string, unknown>> | undefined>;
  /**
   * Runs when a model is ready, before its first request.
   * @example
   * ```ts
   * lamina.hooks.afterStart.tap(async (_, server, { signal }) => {
   *   await fetch(`${server.endpoint().baseUrl}/models`, { signal });
   * });
   * ```
   */
  afterStart(model: Model, server: ModelServer, context: Context): Awaitable<void>;
  /**
   * Runs when a model will be stopped, before its requests are drained.
   * @example
   * ```ts
   * lamina.hooks.beforeStop.tap((model, reason, { log }) => log.info({ model: model.name, reason }, 'Model stops'));
   * ```
   */
  beforeStop(model: Model, reason: StopReason, context: Context): Awaitable<void>;
  /**
   * Chooses the models to stop, by name, when another one needs memory. Core never stops one that is not `evictable`,
   * and stops none unless those chosen free everything that is missing.
   * @example
   * ```ts
   * lamina.hooks.selectVictims.tap(({ missing, running }) => {
   *   const idle = running.filter(({ evictable }) => evictable).sort((a, b) => b.idleMs - a.idleMs);
   *   const needed = Object.keys(missing);
   *   return idle.filter(({ resources }) => needed.some((name) => name in resources)).map(({ model }) => model);
   * });
   * ```
   */
  selectVictims(snapshot: RoomSnapshot, context: Context): readonly string[] | undefined;
  /**
   * Orders the waiting requests, by id. Core's limit on waiting still applies.
   * @example
   * ```ts
   * lamina.hooks.orderQueue.tap(({ waiters }) =>
   *   [...waiters].sort((a, b) => Number(b.loaded) - Number(a.loaded)).map(({ id }) => id),
   * );
   * ```
   */
  orderQueue(snapshot: QueueSnapshot, context: Context): readonly number[] | undefined;
  /**
   * Changes the ranked suggestions. Runs after core ranked them.
   * @example
   * ```ts
   * lamina.hooks.suggestModel.tap((candidates) => candidates.filter(({ available }) => available));
   * ```
   */
  suggestModel(
    candidates: readonly SuggestCandidate[],
    requirements: Requirements,
    context: Context,
  ): Awaitable<readonly SuggestCandidate[] | undefined>;
  /**
   * Changes or reroutes a request, or refuses it by throwing a LaminaError. Runs before a model is loaded for it. The
   * body is parsed when a tap reads `request.json`.
   * @example
   * ```ts
   * lamina.hooks.beforeRequest.tap((request) => {
   *   if (request.headers['x-team'] === undefined) throw new LaminaError('FORBIDDEN', { message: 'Send x-team.' });
   *   return undefined;
   * });
   * ```
   */
  beforeRequest(request: InferenceRequest, context: Context): Awaitable<InferenceRequest | undefined>;
  /**
   * Changes the answer to a request: a tap says what it wants to change. Called once for each answer, when it begins;
   * keep the state of an answer in variables of the tap. While no tap asks for anything, no answer is parsed.
   * @example
   * ```ts
   * lamina.hooks.transformResponse.tap((response, { caller }) => {
   *   if (caller.name === 'phone') response.chunks({ each: ({ usage, ...chunk }) => chunk });
   * });
   * ```
   */
  transformResponse(response: ResponseTransforms, request: InferenceRequest, context: Context): void;
}

/** The name of a hook. */
export type HookName = keyof HookSignatures;

interface HookRow {
  /** The tapable class: in which order taps run and what their return values do. */
  readonly type:
    | 'AsyncParallelHook'
    | 'AsyncSeriesHook'
    | 'AsyncSeriesBailHook'
    | 'AsyncSeriesWaterfallHook'
    | 'SyncHook'
    | 'SyncBailHook';
  /**
   * When a tap fails: `stop` fails the call that ran the hook. With `isolate` the failure is logged and emitted as
   * `plugin.failed`; the hook continues without this tap.
   */
  readonly onFailure: 'stop' | 'isolate';
  readonly before: string;
  readonly after: string;
  /** The time limit of one tap, in milliseconds; a synchronous tap cannot be interrupted. */
  readonly limitMs: number;
}

/** The rules of every hook. The tapable hooks and docs/hooks.md are made from it. */
export const hookTable = {
  discoverModels: {
    type: 'AsyncParallelHook',
    onFailure: 'isolate',
    before: 'the manifest was read',
    after: 'describeModel for all models',
    limitMs: 60_000,
  },
  describeModel: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'isolate',
    before: 'the files of the model were found',
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
    before: 'the SHA-256 was verified',
    after: 'the files get their final names',
    limitMs: 600_000,
  },
  selectBackend: {
    type: 'AsyncSeriesBailHook',
    onFailure: 'stop',
    before: 'a request or a call needs the model',
    after: 'capacity is reserved',
    limitMs: 10_000,
  },
  beforeStart: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'stop',
    before: 'capacity was reserved',
    after: 'the engine starts',
    limitMs: 30_000,
  },
  afterStart: {
    type: 'AsyncSeriesHook',
    onFailure: 'isolate',
    before: 'the engine became ready',
    after: 'the first lease',
    limitMs: 30_000,
  },
  beforeStop: {
    type: 'AsyncSeriesHook',
    onFailure: 'isolate',
    before: 'a stop was requested',
    after: 'the drain',
    limitMs: 5_000,
  },
  selectVictims: {
    type: 'SyncBailHook',
    onFailure: 'isolate',
    before: 'a start needs capacity',
    after: 'beforeStop',
    limitMs: 50,
  },
  orderQueue: {
    type: 'SyncBailHook',
    onFailure: 'isolate',
    before: 'requests are waiting',
    after: 'leases are granted',
    limitMs: 50,
  },
  suggestModel: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'isolate',
    before: 'the models were ranked',
    after: 'the suggestion is returned',
    limitMs: 5_000,
  },
  beforeRequest: {
    type: 'AsyncSeriesWaterfallHook',
    onFailure: 'stop',
    before: 'a request was read',
    after: 'the model is resolved and a lease is acquired',
    limitMs: 10_000,
  },
  transformResponse: {
    type: 'SyncHook',
    onFailure: 'stop',
    before: 'the engine began its answer',
    after: 'the answer is sent to the client',
    limitMs: 50,
  },
} as const satisfies Record<HookName, HookRow>;

/** A hook as plugins see it: they can tap it, not run it. */
export interface TapPoint<Name extends HookName> {
  /**
   * Adds a tap. Taps run in the order of their `stage` (default 0), then of their plugins.
   * @example
   * ```ts
   * lamina.hooks.beforeStart.tap((options) => ({ ...options, threads: 4 }), { stage: 10 });
   * ```
   */
  tap(run: HookSignatures[Name], options?: { stage?: number }): void;
}

/** All hooks, as plugins see them. Frozen. */
export type HookTaps = { readonly [Name in HookName]: TapPoint<Name> };
