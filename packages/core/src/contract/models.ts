// Models: their names, their files on disk, and the options to run them.
import type { Manifest, ManifestEntries, ModelEntry } from './manifest.js';
import type { Diagnostic, RemovalView } from './model-views.js';
import type { ServedModel } from './served-models.js';
import type { ModelStats } from './views.js';

export type { Diagnostic } from './model-views.js';
export type { ModelStats } from './views.js';

/** The purpose of a file in its model. */
export type FileRole = 'weights' | 'projector' | 'adapter' | 'draft' | 'library';

/** A file or directory of a model. */
export interface ModelFile {
  readonly role: FileRole;
  /** Absolute. Split weights have one entry per shard, in order. */
  readonly path: string;
  /** 0 when the file is not on disk. */
  readonly bytes: number;
}

/** Something that a model can do. */
export type ModelCapability = NonNullable<ServedModel['capabilities']>[number];

/** Metadata from the headers of a model's files; every field may be missing. */
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
  /** Key/value heads of each layer, where they differ; 0: the layer has no attention. */
  readonly kvHeadsPerLayer?: readonly number[];
  /** Numbers that a head stores per token for keys, and for values. */
  readonly keyLength?: number;
  readonly valueLength?: number;
  readonly vocabularySize?: number;
  /** Numbers in the widest part of a layer; with experts, of one expert. */
  readonly feedForwardLength?: number;
  readonly expertFeedForwardLength?: number;
  /** Experts that compute a token. */
  readonly expertsUsed?: number;
  /** Tokens that a layer with a sliding window sees. */
  readonly slidingWindow?: number;
  /** For each layer whether it has the sliding window, or every how many layers one without it comes. */
  readonly windowPattern?: number | readonly boolean[];
  /** Set for models with compressed keys and values (MLA): the length of the compressed form. */
  readonly kvLoraRank?: number;
  /** Every how many layers one with attention comes, in models whose other layers are recurrent. */
  readonly attentionInterval?: number;
  /** The state of recurrent layers. */
  readonly recurrent?: {
    readonly convolution?: number;
    readonly innerSize?: number;
    readonly stateSize?: number;
    readonly groups?: number;
    /** Tokens that a short convolution keeps. */
    readonly shortConvolution?: number;
  };
  /** Layers at the end that use the keys and values of others. */
  readonly sharedKvLayers?: number;
  /** Merges of the tokenizer. */
  readonly merges?: number;
  /** Of its draft model. */
  readonly draft?: ModelMetadata;
  /** `Q4_K_M`, `Q8_0`, `F16`, … */
  readonly quantization?: string;
  /** The chat template, in the language of its engine (Jinja in GGUF and safetensors). */
  readonly chatTemplate?: string;
  /** Set for embedding and reranking models: `mean`, `cls`, `last`, `rank`. */
  readonly pooling?: string;
  /**
   * What the model can do, by its files: `chat`, `tools` and `reasoning` by its template, `vision` and `audio` by its
   * projector, `embeddings` and `rerank` by its pooling.
   */
  readonly capabilities?: readonly ModelCapability[];
  /** `model`, `mmproj`, `adapter`. */
  readonly kind?: string;
  /** The number of files the weights are split into. */
  readonly shards?: number;
}

/** A model as backends, hooks and the runtime see it. Frozen. */
export interface Model {
  /** Can contain `/` and `:`, as in `org/name:q4`. */
  readonly name: string;
  readonly files: readonly ModelFile[];
  /** `gguf`, `safetensors`, `mlc`, or what a plugin calls its own. */
  readonly format: string;
  /** Read from the header of the weights by `describe`; missing before. */
  readonly metadata?: ModelMetadata;
  /** The backend in the manifest, as written there. */
  readonly backend?: string;
  /** The type of that backend under `backends:`; else the same as `backend`. */
  readonly backendType?: string;
  readonly aliases: readonly string[];
  /** For an adapter: the model whose process it shares. */
  readonly base?: string;
  /**
   * The model that answers the requests for this one, by name or alias; a tap of `describeModel` sets it. Such a model has
   * no files and no server of its own, has the format and the metadata of that one, and is available when that is. No
   * model can be of one that has `of` itself.
   */
  readonly of?: string;
  /** Options for the backend, from the manifest; validated against `modelOptions` of the backend type. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Never stopped for another model, nor when idle. */
  readonly pinned: boolean;
  /** Loaded when Lamina starts. */
  readonly preload?: boolean;
  /** Limits of this model; those of the server apply where it has none. */
  readonly limits: ModelLimits;
  readonly from: 'manifest' | 'discovered' | 'adopted';
  /**
   * Why it cannot be used now although nothing is wrong with its files, a sentence part: `its server does not respond`.
   * It is then not listed as available; a request for it is still tried.
   */
  readonly unavailable?: string;
}

/** Limits that one model may have, in seconds except for `max_concurrency` and `queue_limit`. */
export interface ModelLimits {
  /** The longest time until a starting model is ready. */
  readonly load_timeout?: number;
  /** The longest time a stop waits for running requests. */
  readonly drain_timeout?: number;
  /** How long the engine may take to exit before it is killed. */
  readonly stop_timeout?: number;
  /** How long the model stays loaded without requests; 0: forever. */
  readonly idle_timeout?: number;
  /** How many requests the engine gets at once; the others wait in the queue. */
  readonly max_concurrency?: number;
  /** How many requests may wait for this model. */
  readonly queue_limit?: number;
  /** The longest time a request may wait for its turn or for memory. */
  readonly queue_timeout?: number;
}

/** The model that a name resolves to. */
export interface ResolvedModel {
  /** The requested model or adapter. */
  readonly model: Model;
  /** The model or adapter that answers: the requested one, or what its {@link Model.of} names. */
  readonly answering: Model;
  /** The model whose process serves it: the one that answers, or the base of an adapter. */
  readonly served: Model;
}

/** A model with its manifest entry. */
export interface ModelRecord {
  readonly model: Model;
  /** The entry in the manifest (snake_case); of a discovered model, the entry it would have. */
  readonly entry: ModelEntry;
  /** True when all files are on disk and the model is not {@link Model.unavailable}. */
  readonly available: boolean;
  /** Why it is not available: what is wrong with the files, one sentence each; empty when available. */
  readonly missing: readonly string[];
}

/**
 * The models of the manifest and those that are discovered. Lookups read memory, not the disk.
 *
 * @example
 * ```ts
 * for (const { model, available } of lamina.models.list()) console.log(model.name, available);
 * ```
 */
export interface Models {
  /**
   * @example
   * ```ts
   * const onDisk = lamina.models.list().filter(({ available }) => available);
   * ```
   */
  list(): readonly ModelRecord[];
  /**
   * @example
   * ```ts
   * const entry = lamina.models.get('tiny')?.entry;
   * ```
   */
  get(name: string): ModelRecord | undefined;
  /**
   * Resolves a name or alias; an adapter is served by its base. A model whose {@link Model.of} cannot answer resolves to
   * itself: why is in `missing` of its record, and acquiring it fails.
   * @throws LaminaError `MODEL_NOT_FOUND` with the names that exist, nearest first
   * @example
   * ```ts
   * const { model, served } = lamina.models.resolve('my-alias');
   * ```
   */
  resolve(name: string): ResolvedModel;
  /**
   * The model with the metadata in the headers of its files, or of those of the model that answers for it. A header is
   * read once per path, size and time; one that cannot be read leaves the metadata out.
   * @example
   * ```ts
   * const { metadata } = await lamina.models.describe('tiny');
   * console.log(metadata?.contextLength);
   * ```
   */
  describe(name: string): Promise<Model>;
  /**
   * The metadata of all available models, by name. The headers of new models are read first, for at most a second; a
   * model whose header has not been read by then, or cannot be read, is missing.
   * @throws LaminaError `ABORTED`
   * @example
   * ```ts
   * for (const [name, { quantization }] of await lamina.models.metadata()) console.log(name, quantization);
   * ```
   */
  metadata(options?: { signal?: AbortSignal }): Promise<ReadonlyMap<string, ModelMetadata>>;
  /**
   * Adapters whose base is this model.
   * @example
   * ```ts
   * const names = lamina.models.adaptersOf('tiny').map(({ name }) => name);
   * ```
   */
  adaptersOf(name: string): readonly Model[];
  /**
   * @example
   * ```ts
   * const { total_models, missing_models } = lamina.models.stats();
   * ```
   */
  stats(): ModelStats;
  /** The manifest as last read; missing sections are empty. */
  readonly manifest: Manifest;
  /**
   * What is wrong in the manifest: unknown keys, backends and options that cannot work, categories and defaults that name
   * no model; and files on disk that are not offered as models. The log shows each when it is found. After a change that
   * made the manifest invalid: why it is not used. `names`: only those in the entries of these models.
   * @example
   * ```ts
   * for (const { line, message } of lamina.models.diagnostics()) console.log(line, message);
   * ```
   */
  diagnostics(names?: readonly string[]): readonly Diagnostic[];
  /**
   * Reads the manifest and the disk again and applies the changes.
   * @throws LaminaError `CONFIG_INVALID`; the models stay as they were
   * @example
   * ```ts
   * await lamina.models.reload();
   * ```
   */
  reload(): Promise<void>;
  /**
   * Calls `listener` after a change of models, backends, categories or defaults; the returned function removes it.
   * @example
   * ```ts
   * const stop = lamina.models.onChange(({ added, removed }) => console.log(added, removed));
   * ```
   */
  onChange(listener: (change: ModelsChange) => void): () => void;
  /**
   * Checks the files of all models, or of those named: whether they are complete, readable and of the right format.
   * Files that did not change since they were last read are not opened again.
   * @throws LaminaError `MODEL_NOT_FOUND`, `ABORTED`
   * @example
   * ```ts
   * for (const { name, problems } of await lamina.models.validate()) {
   *   for (const { message } of problems) console.log(`${name}: ${message}`);
   * }
   * ```
   */
  validate(names?: readonly string[], options?: { signal?: AbortSignal }): Promise<readonly ModelCheck[]>;
  /**
   * Adds or changes an entry of the manifest. Comments, order and every other byte of the file stay, and edits made by
   * hand meanwhile are kept.
   * @throws LaminaError `REQUEST_INVALID` for an invalid name or entry, `CONFLICT` when the file cannot be changed
   * safely; nothing is changed then
   * @example
   * ```ts
   * await lamina.models.save('tiny', { path: 'tiny.gguf', options: { context_length: 4096 } });
   * ```
   */
  save(name: string, entry: ModelEntry): Promise<ModelRecord>;
  /**
   * Adds entries to the manifest, all of them in one step. As with `save`, every other byte of the file stays.
   * @throws LaminaError `CONFLICT` when the manifest has an entry of one of these names, or the file cannot be changed
   * safely; `REQUEST_INVALID` when the manifest would be invalid; nothing is changed then
   * @example
   * ```ts
   * await lamina.models.add({
   *   models: { small: { path: 'small.gguf' }, large: { path: 'large.gguf' } },
   *   groups: { one: { models: ['small', 'large'] } },
   * });
   * ```
   */
  add(entries: ManifestEntries): Promise<void>;
  /**
   * Adds a model from a file or directory on this machine: links or copies it, with all shards, to
   * `<models directory>/<name>/` and writes an entry. Files in the models directory are used in place. Never overwrites a
   * file.
   * @throws LaminaError `REQUEST_INVALID`, `CONFLICT`, `DISK_FULL`, `ABORTED`; no files are left then
   * @example
   * ```ts
   * const { model } = await lamina.models.install('tiny', '/downloads/tiny.gguf', { mode: 'copy' });
   * ```
   */
  install(name: string, path: string, options?: InstallOptions): Promise<ModelRecord>;
  /**
   * Removes a model from the manifest; with `files`, deletes its files too, if they are in the models directory and no
   * other model uses them. Of a model that is a directory, only the files of its format are deleted; directories that
   * become empty are deleted too. Stop the model first. Categories and defaults that name it stay. Files that stay in
   * the models directory are discovered there.
   * @throws LaminaError `MODEL_NOT_FOUND`, `CONFLICT`
   * @example
   * ```ts
   * const { deleted, kept } = await lamina.models.remove('tiny', { files: true });
   * ```
   */
  remove(name: string, options?: { files?: boolean }): Promise<RemovedModel>;
}

/** A problem of a model file. */
export interface FileProblem {
  readonly kind:
    | 'absent'
    | 'bad_path'
    | 'empty'
    | 'shard_missing'
    | 'truncated'
    | 'wrong_format'
    | 'unreadable'
    | 'outside'
    | 'base_missing'
    | 'of_unusable';
  /** A sentence part: `llama.gguf does not exist`. */
  readonly message: string;
  /** Absolute; set when the problem is about one file. */
  readonly path?: string;
}

/** The result of {@link Models.validate} for one model. */
export interface ModelCheck {
  readonly name: string;
  /** Empty when the model is valid. */
  readonly problems: readonly FileProblem[];
}

/** The options of {@link Models.install}. */
export interface InstallOptions {
  /** `link` (default): a hard link, or a copy where the disk cannot link; `copy`: always a copy. */
  readonly mode?: 'link' | 'copy';
  /** Further keys of the entry. */
  readonly entry?: ModelEntry;
  readonly signal?: AbortSignal;
}

/** The result of {@link Models.remove}. */
export type RemovedModel = Omit<RemovalView, 'removed'>;

/** The models that changed, by name. */
export interface ModelsChange {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}
