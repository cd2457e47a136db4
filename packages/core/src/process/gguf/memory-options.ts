// The options of llama.cpp that decide how much memory a model needs; engines built on it share their names.

/** How keys and values are stored. */
export type CacheType = 'f32' | 'f16' | 'bf16' | 'q8_0' | 'q4_0' | 'q4_1' | 'iq4_nl' | 'q5_0' | 'q5_1';

/** Options that are left out have the engine's defaults. */
export interface GgufMemoryOptions {
  /** Tokens of one request; 0: as many as the model was trained with. */
  readonly context_length?: number;
  /** Requests computed at the same time; for its default see `GgufPlace.sharedSlots`. */
  readonly parallel?: number;
  readonly ubatch_size?: number;
  readonly gpu_layers?: number | 'auto' | 'all';
  readonly devices?: readonly string[];
  readonly tensor_split?: readonly number[];
  readonly split_mode?: 'none' | 'layer' | 'row' | 'tensor';
  readonly main_gpu?: number;
  /** Layers whose experts stay in host memory; what fits on devices then is left to the engine. */
  readonly cpu_moe_layers?: number | 'all';
  readonly flash_attention?: 'on' | 'off' | 'auto';
  readonly cache_type_k?: CacheType;
  readonly cache_type_v?: CacheType;
  /** Whether devices keep the keys and values of their layers (`--no-kv-offload`: false). */
  readonly kv_offload?: boolean;
  /** MiB of the prompt cache; -1: no limit. */
  readonly cache_ram?: number;
  /** Copies of a state that each slot keeps, to go back to (`--ctx-checkpoints`). */
  readonly checkpoints?: number;
  /** Layers with a sliding window keep all tokens (`--swa-full`). */
  readonly swa_full?: boolean;
  /** All requests share one context (`--kv-unified`). */
  readonly kv_unified?: boolean;
  /** Whether weights are converted to the layout that the processor computes fastest with (`--no-repack`: false). */
  readonly repack?: boolean;
  readonly mmap?: boolean;
  readonly mlock?: boolean;
  /** Whether the projector is loaded. */
  readonly projector?: boolean;
  readonly embeddings?: boolean;
}
