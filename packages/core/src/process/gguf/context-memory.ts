// The memory of a context: keys and values of its tokens, and the scratch space of the computation.
import type { ModelMetadata } from '../../contract/models.js';
import type { GgufMemoryOptions } from './memory-options.js';

/** The header fields that these numbers come from. */
export type Shape = Required<
  Pick<ModelMetadata, 'layers' | 'kvHeads' | 'keyLength' | 'valueLength' | 'embeddingLength'>
> &
  Pick<ModelMetadata, 'heads' | 'contextLength'>;

/** Bytes of one number, as ggml stores it: blocks of 32 with a scale, but for the first three. */
const numberBytes = {
  f32: 4,
  f16: 2,
  bf16: 2,
  q8_0: 34 / 32,
  q5_1: 24 / 32,
  q5_0: 22 / 32,
  q4_1: 20 / 32,
  q4_0: 18 / 32,
  iq4_nl: 18 / 32,
} as const;

/** llama.cpp rounds the cells of each sequence up to this. */
const cellStep = 256;

/** The shape of a model; `undefined` when its header lacks a field, as for models without attention. */
export function shapeOf(metadata: ModelMetadata | undefined): Shape | undefined {
  const { layers, kvHeads, keyLength, valueLength, embeddingLength } = metadata ?? {};
  if (
    layers === undefined ||
    kvHeads === undefined ||
    keyLength === undefined ||
    valueLength === undefined ||
    embeddingLength === undefined
  )
    return undefined;
  return { ...metadata, layers, kvHeads, keyLength, valueLength, embeddingLength };
}

/**
 * Bytes of keys and values, exact for plain attention: `parallel`, when given, means a context for each request;
 * without it all share one.
 */
export function cacheBytes(shape: Shape, options: GgufMemoryOptions, contextLength: number): number {
  const { parallel = 1, cache_type_k = 'f16', cache_type_v = 'f16' } = options;
  const perCell =
    shape.layers *
    shape.kvHeads *
    (shape.keyLength * numberBytes[cache_type_k] + shape.valueLength * numberBytes[cache_type_v]);
  return perCell * cellsOf(contextLength) * parallel;
}

/**
 * Bytes of scratch space, about: measured with llama-server 0.7.0 on llama models, where it is 17 numbers per token and
 * unit of the embedding when the feed-forward part is four times as wide, plus the attention mask; without flash
 * attention it is the attention itself.
 */
export function computeBytes(shape: Shape, options: GgufMemoryOptions, contextLength: number): number {
  const { ubatch_size: tokens = 512, flash_attention } = options;
  const cells = cellsOf(contextLength);
  const feedForward = 4 * tokens * 17 * shape.embeddingLength + 2 * tokens * cells;
  if (flash_attention !== 'off') return feedForward;
  return Math.max(
    feedForward,
    4 * tokens * (cells * ((shape.heads ?? shape.kvHeads) + 1) + 6.5 * shape.embeddingLength),
  );
}

function cellsOf(contextLength: number): number {
  return Math.ceil(contextLength / cellStep) * cellStep;
}
