// The options of llama.cpp that decide how much memory a model needs; engines built on it share their names.

/** How keys and values are stored. */
export type CacheType = 'f32' | 'f16' | 'bf16' | 'q8_0' | 'q4_0' | 'q4_1' | 'iq4_nl' | 'q5_0' | 'q5_1';

/** Options that are left out have llama.cpp's defaults. */
export interface GgufMemoryOptions {
  readonly context_length?: number;
  readonly parallel?: number;
  readonly ubatch_size?: number;
  readonly gpu_layers?: number | 'auto' | 'all';
  readonly devices?: readonly string[];
  readonly tensor_split?: readonly number[];
  readonly split_mode?: 'none' | 'layer' | 'row' | 'tensor';
  readonly main_gpu?: number;
  readonly flash_attention?: 'on' | 'off' | 'auto';
  readonly cache_type_k?: CacheType;
  readonly cache_type_v?: CacheType;
  readonly mmap?: boolean;
  readonly mlock?: boolean;
  /** Whether the projector is loaded. */
  readonly projector?: boolean;
}
