// Models: the names people use, the files on disk, and what it takes to open them.
import type { Manifest, ModelEntry } from './manifest.js';

/** What a file is to its model. */
export type FileRole = 'weights' | 'projector' | 'adapter' | 'draft' | 'library';

/** One file, or directory, of a model. */
export interface ModelFile {
  readonly role: FileRole;
  /** Absolute. For weights in shards there is one entry a shard, in order. */
  readonly path: string;
  /** 0 while it is not on disk. */
  readonly bytes: number;
}

/** What the header of a model's files tells; every field may be missing. */
export interface ModelMetadata {
  /** `llama`, `qwen2`, `clip`, … */
  readonly architecture?: string;
  /** The number of weights. */
  readonly parameters?: number;
  /** The longest context it was trained for, in tokens. */
  readonly contextLength?: number;
  readonly embeddingLength?: number;
  readonly layers?: number;
  /** Attention heads. */
  readonly heads?: number;
  /** Key/value heads; fewer than `heads` with grouped attention. */
  readonly kvHeads?: number;
  /** Numbers a head keeps per token for keys, and for values. */
  readonly keyLength?: number;
  readonly valueLength?: number;
  readonly vocabularySize?: number;
  /** `Q4_K_M`, `Q8_0`, `F16`, … */
  readonly quantization?: string;
  /** The chat template, in the language of its engine (Jinja in GGUF and safetensors). */
  readonly chatTemplate?: string;
  /** Set for embedding and reranking models: `mean`, `cls`, `last`, `rank`. */
  readonly pooling?: string;
  /**
   * What it can do, as far as its files tell: `chat` and `tools` by its template, `vision` and `audio` by its
   * projector.
   */
  readonly capabilities?: readonly ('chat' | 'tools' | 'vision' | 'audio' | 'embedding' | 'rerank')[];
  /** `model`, `mmproj`, `adapter`. */
  readonly kind?: string;
  /** The number of files the weights are split into. */
  readonly shards?: number;
}

/** A model as backends, hooks and the runtime see it. Frozen. */
export interface Model {
  /** `/` and `:` are legal: `org/name:q4`. */
  readonly name: string;
  readonly files: readonly ModelFile[];
  /** `gguf`, `safetensors`, `mlc`, or what a plugin calls its own. */
  readonly format: string;
  /** Read lazily from the header of the weights; missing until then. */
  readonly metadata?: ModelMetadata;
  /** The backend the manifest asks for, as its user spells it. */
  readonly backend?: string;
  /** The type of that backend, as the manifest has it under `backends`; else the same as `backend`. */
  readonly backendType?: string;
  readonly aliases: readonly string[];
  /** For an adapter: the model whose process it shares. */
  readonly base?: string;
  /** Options for the backend, from the manifest; checked against the backend type's `modelOptions`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Never stopped to make room, nor when idle. */
  readonly pinned: boolean;
  /** Limits of this model that differ from the server's. */
  readonly limits: ModelLimits;
  readonly from: 'manifest' | 'discovered' | 'adopted';
}

/** Limits that a model may have of its own; all in seconds but the last. */
export interface ModelLimits {
  /** How long a start may take until it is ready. */
  readonly load_timeout?: number;
  /** How long a stop waits for requests under way. */
  readonly drain_timeout?: number;
  /** How long the engine has to end by itself before it is killed. */
  readonly stop_timeout?: number;
  /** How long it stays loaded without a request; 0: for ever. */
  readonly idle_timeout?: number;
  /** How many requests are sent to the engine at once; the others wait in Lamina's queue. */
  readonly max_concurrency?: number;
}

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

/** What a reload changed, by name. */
export interface ModelsChange {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}
