// Backends: how an engine is found, judges models, starts and speaks.
import type { Context } from './context.js';
import type { WireError } from './errors.js';
import type { Model } from './models.js';
import type { JsonObject, Schema } from './schema.js';

/**
 * A kind of engine, registered by a plugin with `lamina.addBackend(type)`. models.yaml makes instances of it: two
 * builds of llama.cpp, three remotes. Most are made by `processBackend`.
 */
export interface BackendType {
  /** `llama.cpp`, `vllm`: what `backends.<name>.type` and `models.<name>.backend` say. */
  readonly type: string;
  /** Other spellings people have in their manifests. */
  readonly aliases?: readonly string[];
  /** Formats it opens: `gguf`, `safetensors`, … */
  readonly formats: readonly string[];
  /** What `backends.<name>` may say, besides `type`. */
  readonly options: Schema;
  /** What `models.<name>.options` may say. */
  readonly modelOptions: Schema;
  /** Options the plugin was given in code; a backend instance overrides them, a model overrides both. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /**
   * `owned`: started and stopped by Lamina. `external`: attached and detached, never stopped, not counted in
   * `max_loaded`.
   */
  readonly lifetime: 'owned' | 'external';
  /**
   * An instance. `options` are the plugin's defaults overlaid with the manifest's, already checked. Must not touch the
   * machine; `probe` does.
   */
  create(name: string, options: Readonly<Record<string, unknown>>): Backend;
}

/** An engine as configured here. */
export interface Backend {
  /** As models.yaml spells it. */
  readonly name: string;
  /** What this instance opens, where that is said of each instance; default: what its type opens. */
  readonly formats?: readonly string[];
  /**
   * Names of backends, or types, that this one replaces while they are not available: models that name one of them run
   * here then, with those of their options that this backend has too.
   */
  readonly fallbackFor?: readonly string[];
  /** Says whether it can run here, and if not, why and what to do. Never throws for a missing engine. */
  probe(context: BackendContext): Promise<Availability>;
  /**
   * Whether it opens this model; the highest rank is chosen. A format of the type is checked by core before this is
   * asked.
   */
  accepts(model: Model): Acceptance;
  /** What the model will need, computed before anything starts. */
  estimateMemory?(
    model: Model,
    options: Readonly<Record<string, unknown>>,
    machine: Machine,
  ): Promise<MemoryEstimate | undefined>;
  /**
   * Starts the model and resolves when its endpoint answers. On failure, or when the signal is aborted, it rejects only
   * after everything it started is gone.
   * @throws LaminaError `MODEL_START_FAILED` with a reason a person can act on
   */
  start(model: Model, context: StartContext): Promise<ModelServer>;
  /** Mends what an engine gets wrong about OpenAI's API. */
  readonly adapt?: RequestAdapter;
}

/** What a call into a backend ends in, when it may start processes. */
export interface BackendContext extends Context {
  /**
   * The environment of the process, as its entry point handed it on: PATH for finding engines, and what they inherit.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The answer of {@link Backend.probe}. */
export type Availability =
  | {
      readonly available: true;
      readonly version?: string;
      readonly executable?: string;
      readonly devices?: readonly Device[];
      /** What a person should know before its first use, a sentence. */
      readonly note?: string;
    }
  | {
      readonly available: false;
      readonly reason: string;
      /** What to do about it on this system, a sentence. */ readonly hint: string;
    };

/** The answer of {@link Backend.accepts}. */
export type Acceptance = { readonly rank: number; readonly reason: string } | { readonly refused: string };

/** Something that computes: a GPU. */
export interface Device {
  /** As the engine calls it: `CUDA0`. */
  readonly name: string;
  readonly description?: string;
  readonly totalBytes?: number;
  readonly freeBytes?: number;
}

/** The machine an estimate is made for. */
export interface Machine {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly cores: number;
}

/** What a model needs while it runs. */
export interface MemoryEstimate {
  /** Host memory that must be resident; weights mapped from a file are not counted, the system may page them. */
  readonly hostBytes: number;
  /** Device → bytes. */
  readonly deviceBytes: Readonly<Record<string, number>>;
  /** The context these numbers are for, in tokens. */
  readonly contextLength: number;
  /** The longest context that would fit this machine. */
  readonly largestContext?: number;
}

/** What a start is given. */
export interface StartContext extends BackendContext {
  /** Plugin defaults, backend instance and model merged, checked against `modelOptions`, then through `beforeStart`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Adapters that share this process; their files are on disk. */
  readonly adapters: readonly Model[];
  /** Where it should run, when core decides that. */
  readonly placement?: { readonly devices: readonly string[]; readonly budget: number };
  /** Tells how far the start is; `ratio` from 0 to 1. Becomes `model.progress`. */
  progress(update: { stage: string; ratio?: number }): void;
  /** A line the engine printed. Becomes `log.line`. */
  output(stream: 'stdout' | 'stderr', text: string): void;
  /**
   * Hands a process group (by the pid of its leader) to the guard: should Lamina die in any way, the group is killed.
   * The answer takes it back, once the group is gone.
   */
  guard(pid: number): () => void;
}

/** Why a model server is stopped. */
export type StopReason =
  'requested' | 'idle' | 'evicted' | 'changed' | 'removed' | 'unhealthy' | 'abandoned' | 'shutdown';

/** One running instance of a model. */
export interface ModelServer {
  /**
   * Where the next request goes; asked for each. It may move, or be one of several replicas. `failed` is the endpoint
   * that has just refused a connection, so that another can be given.
   * @throws LaminaError when there is none just now
   */
  endpoint(failed?: Endpoint): Endpoint;
  readonly info: ServerInfo;
  /** Settles once, never rejects; an end nobody asked for is a crash. */
  readonly closed: Promise<ServerExit>;
  /** Resolves when every process is gone. Aborting the signal means: kill now. */
  stop(context: { reason: StopReason; signal: AbortSignal }): Promise<void>;
  /**
   * Called every `limits.healthInterval` while the server is ready. Reject when it does not answer: after three
   * rejections in a row, without a byte of an answer to a request in between, the server hangs and is ended. A server
   * that cannot answer while it computes returns `ok` for as long as it knows that it computes.
   */
  check?(signal: AbortSignal): Promise<Health>;
  /**
   * Frees the memory of the weights but keeps the process; an idle server that can sleep sleeps instead of being
   * stopped.
   */
  sleep?(signal: AbortSignal): Promise<void>;
  /** Undoes `sleep`. */
  wake?(signal: AbortSignal): Promise<void>;
  readonly pid?: number;
}

/**
 * The answer of {@link ModelServer.check}. `degraded` answers and goes on serving; `dead` is ended at once, and the
 * next request starts a fresh one.
 */
export type Health = 'ok' | 'degraded' | 'dead';

/** Where a model server speaks OpenAI's API. */
export interface Endpoint {
  /**
   * What an OpenAI client would be given, without a trailing slash: `http://127.0.0.1:4711/v1`. `chat/completions` is
   * put behind it.
   */
  readonly baseUrl: string;
  /** Sent with each request, such as the engine's key. Never shown to a client. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A Unix socket to connect to instead of the host of `baseUrl`. */
  readonly socketPath?: string;
}

/** What a running server told of itself. */
export interface ServerInfo {
  /** Model name → the id the engine knows it by, where they differ: remotes, adapters. */
  readonly ids?: Readonly<Record<string, string>>;
  /** Tokens one request may fill. */
  readonly contextLength?: number;
  /** Requests it computes at once; Lamina keeps the others in its own queue. */
  readonly parallel?: number;
  readonly modalities?: readonly ('text' | 'image' | 'audio' | 'video')[];
  /** Routes it has, as `chat/completions`; missing: unknown, all are tried. */
  readonly endpoints?: readonly string[];
  /** Whether its chat template takes tools. */
  readonly tools?: boolean;
  /** False when nothing proved that the process on the port is the one that was started. */
  readonly verified?: boolean;
}

/** How a model server ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** True when `stop` was called first. */
  readonly expected: boolean;
  /** One sentence for people: the engine's own reason when it gave one. */
  readonly reason: string;
  /** The last lines it printed. */
  readonly lastLines: readonly string[];
}

/** Changes between OpenAI's API and an engine that is not quite that. Answers with 2xx are never touched. */
export interface RequestAdapter {
  /**
   * The body as this engine wants it, asked after `model` was rewritten by {@link ServerInfo.ids}. The same object back
   * means unchanged. `model` is the model asked for, an adapter when the request names one; `info` is what its running
   * server told.
   * @throws LaminaError `NOT_SUPPORTED` when the engine cannot answer this request
   */
  request?(body: JsonObject, about: { model: Model; route: string; info: ServerInfo }): JsonObject;
  /** An engine's error as Lamina's. `undefined`: the usual reading applies. */
  error?(status: number, body: Buffer): WireError | undefined;
}

/** A backend as configured here, and what a probe last said of it. */
export interface BackendRecord {
  /** As models.yaml spells it: `llama.cpp`. */
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

/** The backends this Lamina has: types that plugins registered, instances that the manifest named. */
export interface Backends {
  /** Every backend with its last probe; `refresh` asks the machine again. */
  list(options?: { refresh?: boolean; signal?: AbortSignal }): Promise<readonly BackendRecord[]>;
  /** The registered types. */
  types(): readonly BackendType[];
}
