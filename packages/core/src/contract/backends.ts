// Backends: how an engine is found, which models it accepts, how it starts and communicates.
import type { Context } from './context.js';
import type { LaminaError, WireError } from './errors.js';
import type { InferenceRequest } from './inference-request.js';
import type { Model } from './models.js';
import type { JsonObject, Schema } from './schema.js';

/**
 * A kind of engine, registered by a plugin with `lamina.addBackend(type)`. models.yaml configures instances of it: two
 * builds of llama.cpp, three remotes. Most are created by `processBackend`.
 * @example
 * ```ts
 * const type: BackendType = {
 *   type: 'my-engine',
 *   formats: ['gguf'],
 *   options: { type: 'object' },
 *   modelOptions: { type: 'object' },
 *   lifetime: 'owned',
 *   create: (name) => ({ ...backend, name }),
 * };
 * ```
 */
export interface BackendType {
  /** `llama.cpp`, `vllm`: the value of `backends.<name>.type` and `models.<name>.backend`. */
  readonly type: string;
  /** Other spellings that manifests use. */
  readonly aliases?: readonly string[];
  /** Supported model formats: `gguf`, `safetensors`, … */
  readonly formats: readonly string[];
  /** The options of `backends.<name>`, besides `type`. */
  readonly options: Schema;
  /** The options of `models.<name>.options`. */
  readonly modelOptions: Schema;
  /** The options the host passed to the plugin; a backend instance overrides them, a model overrides both. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /**
   * `owned`: Lamina starts and stops the process. `external`: Lamina only connects to it; it does not count for
   * `max_loaded`.
   */
  readonly lifetime: 'owned' | 'external';
  /**
   * Routes that every server of this type has, besides those for chats, completions and embeddings: `messages`. What a
   * running server says in {@link ServerInfo.endpoints} counts more.
   */
  readonly endpoints?: readonly string[];
  /**
   * Creates an instance. `options` are the plugin's defaults overridden by the manifest, already checked. It must not
   * access the machine; `probe` does.
   */
  create(name: string, options: Readonly<Record<string, unknown>>): Backend;
}

/**
 * A configured engine.
 * @example
 * ```ts
 * const remote: Backend = {
 *   name: 'remote',
 *   probe: async () => ({ available: true }),
 *   accepts: () => ({ rank: 0, reason: 'it serves every model' }),
 *   start: async () => server,
 * };
 * ```
 */
export interface Backend {
  /** The name in models.yaml. */
  readonly name: string;
  /** The formats this instance opens; default: those of its type. */
  readonly formats?: readonly string[];
  /**
   * Names of backends, or types, that this one replaces while they are not available: models that name one of them run
   * here then, with those of their options that this backend has too.
   */
  readonly fallbackFor?: readonly string[];
  /** Whether it can run here, and if not, why and what to do. Never throws for a missing engine. */
  probe(context: BackendContext): Promise<Availability>;
  /**
   * Whether it accepts this model; the highest rank is chosen. Core has already checked the format.
   */
  accepts(model: Model): Acceptance;
  /**
   * The memory the model will need, computed before anything starts, also for models that nobody starts: it must be
   * fast. The same arguments must give the same result. `undefined`: unknown.
   */
  estimateMemory?(
    model: Model,
    options: Readonly<Record<string, unknown>>,
    machine: Machine,
  ): Promise<MemoryEstimate | undefined>;
  /**
   * Asks the engine itself what it will need, right before a start, and returns `estimate` corrected by its answer. It
   * may start processes, which must have ended when it resolves or rejects. Core calls it for a model that it has not
   * seen running with these options, and uses the estimate when it fails.
   * @example
   * ```ts
   * const measureMemory: Backend['measureMemory'] = async (model, options, { estimate, signal }) => {
   *   const bytes = await dryRun(model.files[0]!.path, signal);
   *   return { ...estimate, hostBytes: bytes };
   * };
   * ```
   */
  measureMemory?(
    model: Model,
    options: Readonly<Record<string, unknown>>,
    context: MeasureContext,
  ): Promise<MemoryEstimate | undefined>;
  /**
   * Installs the engine completely or not at all, and resolves with whether it was missing; leave it out for an engine
   * that people install themselves. Core calls it before each start and for `lamina backends install`, once at a time.
   * When the signal is aborted, it rejects only after everything it started has ended.
   * @throws LaminaError `BACKEND_INSTALL_FAILED` with a reason and a hint that a person can act on
   * @example
   * ```ts
   * const install: Backend['install'] = async ({ signal, progress }) => {
   *   if (existsSync('/opt/my-engine')) return false;
   *   progress({ stage: 'installing my-engine 1.2' });
   *   const response = await fetch('https://example.org/my-engine', { signal });
   *   await writeFile('/opt/my-engine', Buffer.from(await response.arrayBuffer()), { mode: 0o755, signal });
   *   return true;
   * };
   * ```
   */
  install?(context: InstallContext): Promise<boolean>;
  /**
   * Starts the model and resolves when its endpoint responds. On failure, or when the signal is aborted, it rejects only
   * after everything it started has ended.
   * @throws LaminaError `MODEL_START_FAILED` with a reason a person can act on
   */
  start(model: Model, context: StartContext): Promise<ModelServer>;
  /** Translates between OpenAI's API and what this engine expects. */
  readonly adapt?: RequestAdapter;
}

/** The context of calls that may start processes. */
export interface BackendContext extends Context {
  /**
   * The environment that the host passed to createLamina: PATH for finding engines, and the variables they inherit.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The result of {@link Backend.probe}. */
export type Availability =
  | {
      readonly available: true;
      readonly version?: string;
      readonly executable?: string;
      readonly devices?: readonly Device[];
      /** A sentence that a person should read before the first use. */
      readonly note?: string;
    }
  | {
      readonly available: false;
      readonly reason: string;
      /** What to do about it on this system, a sentence. */
      readonly hint: string;
      /** When it may be available again by itself, in seconds; requests then fail with `BACKEND_UNREACHABLE`. */
      readonly retryAfter?: number;
    };

/** The result of {@link Backend.accepts}. */
export type Acceptance = { readonly rank: number; readonly reason: string } | { readonly refused: string };

/** A compute device, such as a GPU. */
export interface Device {
  /** The engine's name for it: `CUDA0`. */
  readonly name: string;
  readonly description?: string;
  readonly totalBytes?: number;
  readonly freeBytes?: number;
  /** What running models hold of it, in a {@link Machine}: of equal devices, the one with the least is the best. */
  readonly reservedBytes?: number;
  /** True when its memory is system memory, as on Apple silicon: what it holds counts there too. */
  readonly unified?: boolean;
}

/** The memory that models may use on this machine, for estimates. */
export interface Machine {
  /** System memory for all models together, in bytes: the budget. */
  readonly totalBytes: number;
  /** The part of it that one model could have at most: not what pinned models hold. */
  readonly freeBytes: number;
  readonly cores: number;
  /** The devices the engine listed; their bytes are as those of system memory: a budget, and the most for one model. */
  readonly devices: readonly Device[];
}

/** The context of {@link Backend.measureMemory}. */
export interface MeasureContext extends BackendContext {
  readonly machine: Machine;
  /** The result of {@link Backend.estimateMemory}. */
  readonly estimate: MemoryEstimate | undefined;
  /** As {@link StartContext.guard}. */
  guard(pid: number): () => void;
}

/** The memory a model needs while it runs. */
export interface MemoryEstimate {
  /** Resident host memory, without weights that are mapped from a file, which the system may page out. */
  readonly hostBytes: number;
  /** The weights that are not in `hostBytes` because they are mapped from a file. */
  readonly mappedBytes?: number;
  /** Device → bytes. */
  readonly deviceBytes: Readonly<Record<string, number>>;
  /** The context length of this estimate, in tokens. */
  readonly contextLength: number;
  /** The largest context that fits this machine. */
  readonly largestContext?: number;
  /**
   * Options that the model is started with where nobody set them, so that it keeps to this estimate: a context length,
   * layers and devices, a share of a device. What the operator set has precedence.
   */
  readonly options?: Readonly<Record<string, unknown>>;
  /** What it needs while it sleeps, for a server that can. Missing: as much as when it is awake. */
  readonly asleep?: Pick<MemoryEstimate, 'hostBytes' | 'deviceBytes'>;
}

/** What core reserved for a start, in bytes. */
export interface Placement {
  readonly hostBytes: number;
  /** Device → bytes. The model should use no other device. */
  readonly deviceBytes: Readonly<Record<string, number>>;
}

/** The context of an installation. */
export interface InstallContext extends BackendContext {
  /**
   * Reports the progress; `ratio` from 0 to 1. Becomes `backend.progress`, and `model.progress` of a start that waits
   * for it.
   */
  progress(update: { stage: string; ratio?: number }): void;
  /** Reports a line of a program's output; it is logged at `debug`. */
  output(stream: 'stdout' | 'stderr', text: string): void;
  /** As {@link StartContext.guard}. */
  guard(pid: number): () => void;
}

/** The context of a start. */
export interface StartContext extends BackendContext {
  /** The merged options of plugin, backend and model, validated by `modelOptions` and changed by `beforeStart`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Adapters that share this process; their files are on disk. */
  readonly adapters: readonly Model[];
  /** The memory that is reserved for it; missing when its need is unknown. */
  readonly placement?: Placement;
  /** Reports the progress of the start; `ratio` from 0 to 1. Becomes `model.progress`. */
  progress(update: { stage: string; ratio?: number }): void;
  /** Reports a line of the engine's output. Becomes `log.line`. */
  output(stream: 'stdout' | 'stderr', text: string): void;
  /**
   * Registers a process group by the pid of its leader: if Lamina dies, the group is killed. Call the returned function
   * once the group has ended.
   */
  guard(pid: number): () => void;
}

/** Why a model server is stopped. */
export type StopReason =
  'requested' | 'idle' | 'evicted' | 'changed' | 'removed' | 'unhealthy' | 'abandoned' | 'shutdown';

/**
 * A running instance of a model.
 * @example
 * ```ts
 * const remote: ModelServer = {
 *   endpoint: () => ({ baseUrl: 'http://127.0.0.1:8000/v1' }),
 *   info: { parallel: 4 },
 *   closed: new Promise(() => undefined),
 *   stop: async () => undefined,
 *   check: async (signal) => ((await fetch('http://127.0.0.1:8000/health', { signal })).ok ? 'ok' : 'dead'),
 * };
 * ```
 */
export interface ModelServer {
  /**
   * Where the next request goes; called for each. It can change, or be one of several replicas.
   * @throws LaminaError when there is none at the moment
   * @example
   * ```ts
   * const { baseUrl, headers } = server.endpoint();
   * ```
   */
  endpoint(options?: EndpointOptions): Endpoint;
  readonly info: ServerInfo;
  /** Resolves when the server has ended; never rejects. An end without `stop` is a crash. */
  readonly closed: Promise<ServerExit>;
  /** Resolves when every process has ended. Aborting the signal kills them at once. */
  stop(context: { reason: StopReason; signal: AbortSignal }): Promise<void>;
  /**
   * Called every `limits.healthInterval` while the server is ready. Reject when it does not respond: after three
   * rejections in a row, without a byte of a response to a request in between, the server is ended. A server that cannot
   * respond while it computes returns `ok` as long as it knows that it computes.
   */
  check?(signal: AbortSignal): Promise<Health>;
  /**
   * Frees the memory of the weights but keeps the process; an idle server that can sleep does so instead of being
   * stopped.
   */
  sleep?(signal: AbortSignal): Promise<void>;
  /** Reverses `sleep`. */
  wake?(signal: AbortSignal): Promise<void>;
  readonly pid?: number;
}

/**
 * The result of {@link ModelServer.check}. A `degraded` server continues to serve; a `dead` one is ended at once, and
 * the next request starts another.
 */
export type Health = 'ok' | 'degraded' | 'dead';

/** The options of {@link ModelServer.endpoint}. */
export interface EndpointOptions {
  /** The endpoint at which this request just failed, so that a server with replicas returns another. */
  readonly failed?: Endpoint | undefined;
  /** The request that will be sent there. Without it nothing is sent that `done` would report: somebody only looks. */
  readonly request?: InferenceRequest;
}

/**
 * Where a model server serves OpenAI's API.
 * @example
 * ```ts
 * const lost = new AbortController();
 * const endpoint = {
 *   baseUrl: 'http://127.0.0.1:8000/v1',
 *   lost: lost.signal,
 *   done: (outcome: 'ok' | 'failed' | 'aborted') => console.log(outcome),
 * };
 * lost.abort(new Error('its machine does not respond'));
 * ```
 */
export interface Endpoint {
  /**
   * The base URL for an OpenAI client, without a trailing slash: `http://127.0.0.1:4711/v1`. `chat/completions` is
   * appended to it.
   */
  readonly baseUrl: string;
  /** Sent with each request, such as the engine's key. Never shown to clients. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A Unix socket to connect to instead of the host of `baseUrl`. */
  readonly socketPath?: string;
  /**
   * Aborted, with an Error as its reason, when nothing more will come from this endpoint. Requests that have not been
   * answered yet are tried at another endpoint, open streams end at once with an error. Default: never.
   */
  readonly lost?: AbortSignal;
  /** Called when bytes of a response arrive, for every chunk, so it must be cheap. */
  touch?(): void;
  /**
   * Called exactly once for each endpoint that was returned for a request: `ok` when it answered, whatever the answer,
   * `failed` when it broke the connection or is lost, `aborted` when the client or Lamina ended the request. It must not
   * throw.
   */
  done?(outcome: 'ok' | 'failed' | 'aborted'): void;
}

/** What is known about a running server. */
export interface ServerInfo {
  /** Model name → the engine's id for it, where they differ: remotes, adapters. */
  readonly ids?: Readonly<Record<string, string>>;
  /** Tokens in the context of one request. */
  readonly contextLength?: number;
  /** Requests it computes at once; others wait in Lamina's queue. */
  readonly parallel?: number;
  readonly modalities?: readonly ('text' | 'image' | 'audio' | 'video')[];
  /** Routes it has, such as `chat/completions`; left out: unknown, all are tried. */
  readonly endpoints?: readonly string[];
  /** Whether its chat template supports tools. */
  readonly tools?: boolean;
  /** Whether it reasons before it answers, and the engine separates that from the answer. */
  readonly reasoning?: boolean;
  /** False when it is not proved that the process on the port is the one that was started. */
  readonly verified?: boolean;
}

/** How a model server ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** True after a call to `stop`. */
  readonly expected: boolean;
  /** True when the system killed it because memory ran out. */
  readonly outOfMemory?: boolean;
  /** One sentence for people: the engine's own reason if it gave one. */
  readonly reason: string;
  /** The last lines of output. */
  readonly lastLines: readonly string[];
}

/**
 * Translates between OpenAI's API and an engine that deviates from it. Responses with 2xx are never changed.
 * @example
 * ```ts
 * const adapt: RequestAdapter = {
 *   request: (body) => (body['max_tokens'] === undefined ? { ...body, max_tokens: 512 } : body),
 * };
 * ```
 */
export interface RequestAdapter {
  /**
   * The body as this engine expects it, called after `model` was rewritten by {@link ServerInfo.ids}. Return the same
   * object to leave the body unchanged; any other is written as JSON, in which numbers that JavaScript cannot represent
   * (2^53 + 1, 1e400) are different. `model` is the requested model, an adapter when the request names one; `info` is that
   * of its running server.
   * @throws LaminaError `NOT_SUPPORTED` when the engine does not support this request
   */
  request?(body: JsonObject, about: { model: Model; route: string; info: ServerInfo }): JsonObject;
  /**
   * Converts an engine's error. Return `undefined` for the default conversion, and a LaminaError to replace the status
   * as well: clients repeat a request after a 500, so a feature that the model lacks should be `NOT_SUPPORTED`, with the
   * option to set.
   */
  error?(status: number, body: Buffer, about: { model: Model; route: string }): WireError | LaminaError | undefined;
  /**
   * The token counts that a chunk of a stream tells by itself, in the names of OpenAI's `usage`; `undefined` for none.
   * Called with the last chunks of a stream that has no `usage`, the last one first.
   */
  usage?(chunk: JsonObject): JsonObject | undefined;
}

/** A configured backend and the result of its last probe. */
export interface BackendRecord {
  /** The name in models.yaml: `llama.cpp`. */
  readonly name: string;
  readonly type: string;
  readonly formats: readonly string[];
  readonly lifetime: 'owned' | 'external';
  readonly availability: Availability;
  /** Names of the backends, or types, that it replaces while they are not available. */
  readonly fallbackFor?: readonly string[];
  /** The backend that serves its models while it is not available. */
  readonly fallback?: string;
}

/** The backend on which a model would run, or why there is none. */
export type BackendChoice =
  | {
      readonly backend: string;
      /** The version of its engine. */
      readonly version?: string;
      /** With the options of the model, as it would start now. */
      readonly memory?: MemoryEstimate;
    }
  | {
      readonly backend?: never;
      readonly reason: string;
      /** What to do about it, a sentence or empty. */
      readonly hint: string;
    };

/** The options of {@link Backends.install}. */
export interface InstallOptions {
  readonly signal: AbortSignal;
  /** Called with the progress; `ratio` is from 0 to 1. */
  onProgress?(update: { readonly stage: string; readonly ratio?: number }): void;
}

/** The result of {@link Backends.install}. */
export interface Installation {
  readonly record: BackendRecord;
  /** False when it was installed already. */
  readonly installed: boolean;
}

/** The backends of this Lamina: registered types and configured instances. */
export interface Backends {
  /**
   * Every backend with the result of its probe; `refresh` discards what is known of the engines first.
   * @example
   * ```ts
   * for (const { name, availability } of await lamina.backends.list({ refresh: true, signal }))
   *   console.log(name, availability.available ? availability.version : availability.hint);
   * ```
   */
  list(options?: { refresh?: boolean; signal?: AbortSignal }): Promise<readonly BackendRecord[]>;
  /**
   * Returns a function that says on which backend a model would run, without starting it; an adapter runs with its base.
   * Each engine is probed at most once, when the first model needs it. The function throws the reason of the signal.
   * @example
   * ```ts
   * const choose = lamina.backends.chooser({ signal });
   * for (const { model } of lamina.models.list()) console.log(model.name, (await choose(model)).backend ?? 'none');
   * ```
   */
  chooser(options?: { signal?: AbortSignal }): (model: Model) => Promise<BackendChoice>;
  /**
   * Installs the engine of a backend now instead of at its first use. Resolves with the backend and whether it was
   * missing; an installation continues while somebody waits for it.
   * @throws LaminaError `REQUEST_INVALID` for an unknown name; `NOT_SUPPORTED` for a missing engine that people install
   * themselves, with how; `BACKEND_INSTALL_FAILED`; `CONFLICT` when this Lamina is attached
   * @example
   * ```ts
   * const { installed } = await lamina.backends.install('embedded', { signal, onProgress: console.log });
   * ```
   */
  install(name: string, options: InstallOptions): Promise<Installation>;
  /**
   * The registered types.
   * @example
   * ```ts
   * const names = lamina.backends.types().map(({ type }) => type);
   * ```
   */
  types(): readonly BackendType[];
}
