// A model: a name, the files on disk, and what it takes to open them.

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
