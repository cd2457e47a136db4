// The services of a Lamina, as rooms of core, hosts and plugins see one another through: interfaces only.
import type { LaminaError, WireError } from './errors.js';
import type {
  Availability,
  BackendType,
  Endpoint,
  Machine,
  ServerInfo,
  StopReason,
  RequestAdapter,
} from './backend.js';
import type { Manifest, ModelEntry } from './manifest.js';
import type { Model } from './model.js';
import type { AddressGuard, Source } from './source.js';
import type { Json, JsonObject } from './schema.js';

// ---------------------------------------------------------------------------------------------------------- models

/** What a name stands for. */
export interface ResolvedModel {
  /** The model asked for: a model, or an adapter. */
  readonly model: Model;
  /** The model whose process answers: the model itself, or an adapter's base. */
  readonly served: Model;
}

/** A model and the manifest entry it was made from. */
export interface ModelRecord {
  readonly model: Model;
  /** The entry as written in the manifest (snake_case), or as discovery would have written it. */
  readonly entry: ModelEntry;
  /** True when every file is on disk. */
  readonly available: boolean;
  /** What is wrong with the files, a sentence each; empty when available. */
  readonly missing: readonly string[];
}

/** Counts over all models, as `GET /health` shows them. */
export interface ModelStats {
  total_models: number;
  available_models: number;
  missing_models: number;
  /** Category → number of models. */
  categories: Record<string, number>;
  /** Backend as the entries spell it → number of models. */
  backends: Record<string, number>;
  /** Use case → number of models. */
  use_cases: Record<string, number>;
}

/** The models this Lamina knows. Names are looked up as they are; nothing here touches the disk per call. */
export interface Models {
  list(): readonly ModelRecord[];
  get(name: string): ModelRecord | undefined;
  /**
   * A model by name or alias; an adapter resolves to itself served by its base.
   * @throws LaminaError `MODEL_NOT_FOUND` with the names that exist, nearest first
   */
  resolve(name: string): ResolvedModel;
  /**
   * The model with its metadata read from the header of its files; read once per path, size and time. A header that
   * cannot be read leaves the metadata out.
   */
  describe(name: string): Promise<Model>;
  /** Adapters whose base is this model. */
  adaptersOf(name: string): readonly Model[];
  stats(): ModelStats;
  /** The manifest as it was last read; empty parts where it says nothing. */
  readonly manifest: Manifest;
  /**
   * Reads the manifest again and applies what changed.
   * @throws LaminaError `CONFIG_INVALID`; what was loaded before then stays
   */
  reload(): Promise<void>;
  /** Hears after a reload that changed anything: models, backends, categories, defaults; the answer stops listening. */
  onChange(listener: (change: ModelsChange) => void): () => void;
  /**
   * Looks at the files of all models, or of those named, more closely than a listing does: whether they are whole,
   * readable and what they seem to be. A file that did not change since it was last looked at is not opened again.
   * @throws LaminaError `MODEL_NOT_FOUND`, `ABORTED`
   */
  validate(names?: readonly string[], options?: { signal?: AbortSignal }): Promise<readonly ModelCheck[]>;
  /**
   * Writes an entry of the manifest: adds it, or changes what differs from the one that is there. Comments, order and
   * every other byte of the file stay; an edit made by hand meanwhile is kept.
   * @throws LaminaError `REQUEST_INVALID` for a name or entry that cannot be, `CONFLICT` when the file cannot be
   * changed safely; nothing is changed then
   */
  save(name: string, entry: ModelEntry): Promise<ModelRecord>;
  /**
   * Makes a model of a file, or directory, that is already on this machine: puts it at `<models directory>/<name>/`,
   * all shards of it, and writes an entry. What lies in the models directory already is used in place. Never overwrites
   * a file.
   * @throws LaminaError `REQUEST_INVALID`, `CONFLICT`, `DISK_FULL`, `ABORTED`; nothing is left behind then
   */
  install(name: string, path: string, options?: InstallOptions): Promise<ModelRecord>;
  /**
   * Takes a model out of the manifest; with `files`, its files too, as far as they are in the models directory and
   * no other model's. Of a model that is a directory, these are the files its format defines; whatever else is in
   * there stays. Directories that become empty go.
   * Stop it first. Categories and defaults that name it are left as they are.
   * @throws LaminaError `MODEL_NOT_FOUND`, `CONFLICT`
   */
  remove(name: string, options?: { files?: boolean }): Promise<RemovedModel>;
}

/** What is wrong with a file of a model. */
export interface FileProblem {
  readonly kind:
    'absent' | 'empty' | 'shard_missing' | 'truncated' | 'wrong_format' | 'unreadable' | 'outside' | 'base_missing';
  /** A sentence part: `llama.gguf does not exist`. */
  readonly message: string;
  /** Absolute, when it is about one file. */
  readonly path?: string;
}

/** The answer of {@link Models.validate} for one model. */
export interface ModelCheck {
  readonly name: string;
  /** Empty when nothing is wrong. */
  readonly problems: readonly FileProblem[];
}

/** How {@link Models.install} takes a file. */
export interface InstallOptions {
  /** `link` (default): a hard link, or a copy where the disk cannot link; `copy`: always a copy. */
  readonly mode?: 'link' | 'copy';
  /** What the entry says besides its path. */
  readonly entry?: ModelEntry;
  readonly signal?: AbortSignal;
}

/** The answer of {@link Models.remove}. */
export interface RemovedModel {
  /** Absolute paths of the files and directories that are gone. */
  readonly deleted: readonly string[];
  /** Those that stayed, and why: a sentence each. */
  readonly kept: readonly string[];
}

// ----------------------------------------------------------------------------------------------------- suggestions

/**
 * What a model is wanted for. As an agent's configuration writes it: `null` says as much as nothing, and other keys are
 * passed over.
 */
export interface SuggestRequest {
  /** A model by name or alias; taken when it can run here. */
  readonly ai_model?: string | null;
  readonly use_case?: string | null;
  readonly category?: string | null;
  /** Bytes, or text such as "4GB". */
  readonly max_size?: number | string | null;
}

/** A model that could be suggested. */
export interface SuggestedModel {
  readonly record: ModelRecord;
  /** The higher the better; only comparable within one answer. */
  readonly score: number;
  /** Why it stands where it stands: words and numbers, a sentence part each. */
  readonly reasons: readonly string[];
  /** When its files are not here: the command that gets them. */
  readonly command?: string;
}

/** The answer of {@link Suggestions.suggest}. */
export interface Suggestion {
  readonly suggested: SuggestedModel;
  /** At most ten others, best first; those that are not on disk, or broken, last. */
  readonly alternatives: readonly SuggestedModel[];
}

/** Chooses a model for a purpose. */
export interface Suggestions {
  /**
   * @throws LaminaError `NO_SUGGESTION` (its details name those that could be downloaded), `REQUEST_INVALID`, `ABORTED`
   */
  suggest(request: SuggestRequest, options?: { signal?: AbortSignal }): Promise<Suggestion>;
}

/** What a reload changed, by name. */
export interface ModelsChange {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

// -------------------------------------------------------------------------------------------------------- backends

/** A backend as configured here, and what a probe last said of it. */
export interface BackendRecord {
  /** As models.yaml spells it: `llama.cpp`. */
  readonly name: string;
  readonly type: string;
  readonly formats: readonly string[];
  readonly lifetime: 'owned' | 'external';
  readonly availability: Availability;
  /** The backends, or types, that it stands in for while they are not available. */
  readonly standsInFor?: readonly string[];
  /** The backend that answers in its stead, now that it is not available. */
  readonly replacedBy?: string;
}

/** The backends this Lamina has: types that plugins registered, instances that the manifest named. */
export interface Backends {
  /** Every backend with its last probe; `refresh` asks the machine again. */
  list(options?: { refresh?: boolean; signal?: AbortSignal }): Promise<readonly BackendRecord[]>;
  /** The registered types. */
  types(): readonly BackendType[];
}

/** Keeps the process groups of engines, so that none outlives this Lamina, however it ends. */
export interface ProcessKeeper {
  /**
   * Takes a process group, by the pid of its leader, into keeping: should Lamina die in any way, the group is killed.
   * The answer takes it back, once the group is gone; calling it twice does nothing.
   */
  guard(pid: number, about: { model: string }): () => void;
}

// --------------------------------------------------------------------------------------------------------- runtime

/** Where a slot stands. */
export type SlotState =
  'stopped' | 'queued' | 'starting' | 'ready' | 'sleeping' | 'waking' | 'degraded' | 'stopping' | 'failed';

/**
 * What a slot is meant to be: `auto` runs while it is used, `running` until told otherwise, `stopped` while a stop is
 * under way.
 */
export type SlotWish = 'auto' | 'running' | 'stopped';

/** A slot, seen from outside. */
export interface SlotSnapshot {
  readonly model: string;
  readonly state: SlotState;
  readonly wish: SlotWish;
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
  acquire(model: string, options: AcquireOptions): Promise<Lease>;
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

// ------------------------------------------------------------------------------------------------------- downloads

/**
 * What to download: a model of the manifest, from the sources its entry names in their order; or what a reference
 * names.
 */
export type DownloadRequest =
  | { readonly model: string; /** Only this source. */ readonly source?: string }
  | {
      readonly reference: Json;
      /** What the model shall be called. */ readonly name?: string;
      /** Asked alone; default: each, until one knows the reference. */ readonly source?: string;
    };

/** Where a download stands. `queued` and `active` go on by themselves, after a restart too. */
export type DownloadState = 'queued' | 'active' | 'paused' | 'finished' | 'failed' | 'cancelled';

/** One file of a download. */
export interface DownloadFile {
  /** Relative to the model's directory. */
  readonly path: string;
  readonly done: number;
  /** Missing while it is not known. */
  readonly total?: number;
  readonly state: 'waiting' | 'fetching' | 'fetched' | 'verified' | 'placed';
}

/** A download, seen from outside. */
export interface Download {
  readonly id: string;
  /** The model it makes. */
  readonly model: string;
  readonly source: string;
  readonly reference: Json;
  readonly state: DownloadState;
  /** Bytes that are here. Never falls while Lamina runs. */
  readonly done: number;
  /** Missing while the size of a file is not known. */
  readonly total?: number;
  /** Smoothed over some seconds; 0 while nothing is fetched. */
  readonly bytesPerSecond: number;
  readonly secondsLeft?: number;
  readonly files: readonly DownloadFile[];
  /** Why it failed. */
  readonly error?: WireError;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A model of the manifest that is not on disk and could be. */
export interface Downloadable {
  readonly model: string;
  /** Source → reference, in the order they are tried; only sources this Lamina has. */
  readonly sources: Readonly<Record<string, Json>>;
  /** The download of it that is under way, paused or failed. */
  readonly download?: string;
}

/** Fetches models. A download outlives its caller, and a restart of Lamina. */
export interface Downloads {
  /**
   * Begins to download, once a source has said which files. Asked again for a model whose download is not over, it is
   * the same download; one that was paused or failed goes on.
   * @param options.guard Which addresses it may lead to. Give it for every request that came over the network, also
   * for a model of the
   * manifest: a request may have written what the manifest says. Without it, any address is allowed. A download keeps
   * it to its end.
   * @throws LaminaError `MODEL_NOT_FOUND`, `REQUEST_INVALID`, `CONFLICT` when the model is here already,
   * `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `NOT_SUPPORTED` when no source knows the reference, `ABORTED`,
   * `SHUTTING_DOWN`
   */
  start(request: DownloadRequest, options?: { signal?: AbortSignal; guard?: AddressGuard }): Promise<Download>;
  /** Every download that was not removed, oldest first; those that finished are forgotten with this Lamina. */
  list(): readonly Download[];
  /** @throws LaminaError `DOWNLOAD_NOT_FOUND` */
  get(id: string): Download;
  /**
   * Stops fetching and keeps what is here; stays so after a restart.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it is over
   */
  pause(id: string): Promise<Download>;
  /**
   * Goes on with one that was paused or failed.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it is over
   */
  resume(id: string): Promise<Download>;
  /** Ends it and deletes what was fetched. @throws LaminaError `DOWNLOAD_NOT_FOUND`, `CONFLICT` when it has finished */
  cancel(id: string): Promise<Download>;
  /**
   * Forgets it; one that is not over is cancelled. The model it made stays.
   * @throws LaminaError `DOWNLOAD_NOT_FOUND`
   */
  remove(id: string): Promise<void>;
  /**
   * Resolves when it has finished; the signal ends only the waiting.
   * @throws LaminaError what it failed with, `ABORTED` when the signal was or the download is cancelled or paused,
   * `DOWNLOAD_NOT_FOUND`, `SHUTTING_DOWN`
   */
  wait(id: string, options?: { signal?: AbortSignal }): Promise<Download>;
  /** What the manifest could fetch. */
  downloadable(): readonly Downloadable[];
}

// -------------------------------------------------------------------------------------------------------- requests

/** One inference request, as the hook `beforeRequest` sees it. */
export interface InferenceRequest {
  /** Names the request in the log, in events and to the client; default: a new one. */
  readonly id?: string;
  /** What comes after `/v1/`: `chat/completions`, `embeddings`, … */
  readonly route: string;
  /** The model as the client names it. */
  readonly model: string;
  /** Lower-case names; keys and cookies are left out. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body, when it is JSON. */
  readonly json?: JsonObject;
}

/**
 * An inference request as it comes in. Its body is bytes: parsed, JSON takes up to 80 times as much memory while the
 * request waits.
 */
export interface IncomingRequest extends Omit<InferenceRequest, 'json'> {
  /** The body as the text of a JSON object, in UTF-8, when it is JSON. */
  readonly body?: Buffer;
}

/** An inference request that may be sent: the model it goes to and the right to use its server. */
export interface OpenRequest {
  readonly id: string;
  /** The request after the hooks, without its body. */
  readonly request: Omit<InferenceRequest, 'json'>;
  /** What the client's model name stands for. */
  readonly target: ResolvedModel;
  /** The present lease. */
  readonly lease: Lease;
  /**
   * The JSON to send to the server of the present lease: what came in, or what became of it where a hook changed it,
   * the engine knows the model by another id, or the backend adapts requests. `undefined` for a request whose body is
   * not JSON.
   */
  body(): Buffer | undefined;
  /**
   * A lease on a fresh server after this one died before it answered; allowed once, else throws what ended the server.
   */
  renew(): Promise<void>;
  /** Ends the request, gives the lease back and emits `request.finished`. Safe to call twice. */
  finish(outcome: RequestOutcome): void;
}

/** How an inference request ended. */
export interface RequestOutcome {
  readonly status: number;
  /** Whether the engine answered it. */
  readonly served: boolean;
  readonly usage?: JsonObject;
  /** Why it failed: an error of Lamina, or the engine's own. */
  readonly error?: LaminaError | WireError;
  /** True when the answer had begun before it failed. */
  readonly cut?: boolean;
}

/** The way in for every chat, embedding and the like, over whatever wire it came. */
export interface Requests {
  /**
   * Emits `request.finished` when it throws, too.
   * @throws LaminaError `MODEL_NOT_FOUND`, what a `beforeRequest` tap refuses with, and all that `Runtime.acquire`
   * throws
   */
  open(request: IncomingRequest, options: AcquireOptions): Promise<OpenRequest>;
}

/** Where plugins put their nouns. */
export interface Registrations {
  addBackend(type: BackendType, plugin: string): void;
  addSource(source: Source, plugin: string): void;
}
