// The memory of a context: keys and values of its tokens, states, their copies, and the scratch space of the computation.
import type { GgufMemoryOptions } from './memory-options.js';
import type { Layer, Shape } from './shape.js';

/** A context of a model: its length, and the options that decide its memory. */
export interface ContextSize {
  /** Tokens of one request. */
  readonly length: number;
  /** Requests computed at the same time. */
  readonly slots: number;
  /** All requests share the tokens of one context; else each has its own. */
  readonly unified: boolean;
  readonly options: GgufMemoryOptions;
}

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
/** Copies of its state that a slot keeps at most (`--ctx-checkpoints`). */
const defaultCheckpoints = 32;

/** Bytes of all keys and values, as llama-server 0.7.0 prints them. */
export function cacheBytes(shape: Shape, size: ContextSize): number {
  const streams = size.unified ? 1 : size.slots;
  return streams * sum(shape.kept, (layer) => tokenBytes(shape, layer, size) * cellsOf(shape, layer, size));
}

/** Bytes of the keys and values of one request that fills the context. */
export function slotBytes(shape: Shape, size: ContextSize): number {
  return cacheBytes(shape, { ...size, slots: 1, unified: false });
}

/** Bytes of the states of recurrent layers, which do not depend on the length of the context. */
export function recurrentBytes(shape: Shape, { slots }: ContextSize): number {
  return slots * stateBytes(shape);
}

/**
 * Bytes of the copies that a slot of a model with a window or a state keeps to go back to, at most: two for a prompt, one
 * more every 8192 tokens (measured).
 */
export function checkpointBytes(shape: Shape, size: ContextSize): number {
  const { length, slots, options } = size;
  const copies = Math.min(options.checkpoints ?? defaultCheckpoints, Math.floor(2 + length / 8192));
  const window = Math.min(length, shape.slidingWindow ?? 0);
  const windowBytes = sum(shape.kept, (layer) =>
    keepsWindow(layer, options) ? window * tokenBytes(shape, layer, size) : 0,
  );
  return copies * slots * (windowBytes + stateBytes(shape));
}

/**
 * Bytes of scratch space, about: fitted to what llama-server 0.7.0 prints, within 0.3 MiB for eight architectures and 1
 * MiB for compressed keys and values.
 */
export function computeBytes(shape: Shape, size: ContextSize): number {
  const { options } = size;
  const { embeddingLength, heads } = shape;
  const tokens = tokensAtOnce(size);
  const cells = attentionCells(shape, size);
  const window = shape.kept.find((layer) => keepsWindow(layer, options));
  const windowCells = window === undefined ? 0 : cellsOf(shape, window, size);
  const withFlash = 4 * tokens * widthOf(shape) + 2 * tokens * (cells + windowCells);
  if (options.flash_attention !== 'off') return withFlash;
  return Math.max(withFlash, 4 * tokens * (cells * (heads + 1) + 6.5 * embeddingLength));
}

/** Bytes of the scores that the processor converts without flash attention; llama-server does not print them. */
export function scoreBytes(shape: Shape, size: ContextSize): number {
  if (size.options.flash_attention !== 'off') return 0;
  return 2 * tokensAtOnce(size) * attentionCells(shape, size) * shape.heads;
}

/** Tokens of one step. */
export function tokensAtOnce({ length, slots, options }: ContextSize): number {
  return Math.min(options.ubatch_size ?? 512, length * slots);
}

/** The numbers in the widest part of a layer: the feed-forward one, or in layers without it the state. */
export function feedForwardLength({ feedForwardLength: length, embeddingLength, recurrent }: Shape): number {
  return length ?? recurrent?.innerSize ?? 4 * embeddingLength;
}

/** Numbers of scratch space for each token. */
function widthOf(shape: Shape): number {
  const { embeddingLength, expertFeedForwardLength: expert, expertsUsed: used, recurrent, heads, kvLoraRank } = shape;
  const dense = Math.max(3 * feedForwardLength(shape), 5 * (recurrent?.innerSize ?? 0));
  const experts = expert === undefined ? 0 : Math.max(3 * expert, embeddingLength) * (used ?? 1);
  if (kvLoraRank !== undefined)
    return Math.max(dense, experts) + 7 * embeddingLength + heads * Math.ceil(1.375 * kvLoraRank);
  return (experts === 0 ? dense : experts) + 5 * embeddingLength;
}

function tokenBytes({ keyLength, valueLength }: Shape, { kvHeads }: Layer, { options }: ContextSize): number {
  const { cache_type_k = 'f16', cache_type_v = 'f16' } = options;
  return kvHeads * (keyLength * numberBytes[cache_type_k] + valueLength * numberBytes[cache_type_v]);
}

/** A layer with a window keeps its tokens, of every request in a shared context, and those of one step. */
function cellsOf({ slidingWindow = 0 }: Shape, layer: Layer, size: ContextSize): number {
  const cells = streamCells(size);
  if (!keepsWindow(layer, size.options)) return cells;
  return roundUp(Math.min(cells, slidingWindow * (size.unified ? size.slots : 1) + tokensAtOnce(size)));
}

/** Cells that a token can attend to. */
function attentionCells({ kept }: Shape, size: ContextSize): number {
  return kept.some(({ kvHeads }) => kvHeads > 0) ? streamCells(size) : 0;
}

/** Cells of one request, or of the context that all share: llama-server is started with the tokens of all requests. */
function streamCells({ length, unified, options: { parallel = 1 } }: ContextSize): number {
  return roundUp(unified ? length * parallel : length);
}

function keepsWindow({ window, kvHeads }: Layer, { swa_full }: GgufMemoryOptions): boolean {
  return window && kvHeads > 0 && swa_full !== true;
}

function stateBytes({ kept, recurrent, embeddingLength }: Shape): number {
  if (recurrent === undefined) return 0;
  const { convolution = 1, innerSize = 0, stateSize = 0, groups = 0, shortConvolution = 1 } = recurrent;
  const scan = (convolution - 1) * (innerSize + 2 * groups * stateSize) + stateSize * innerSize;
  return 4 * (scan + (shortConvolution - 1) * embeddingLength) * kept.filter((layer) => layer.recurrent).length;
}

function sum(layers: readonly Layer[], bytesOf: (layer: Layer) => number): number {
  return layers.reduce((total, layer) => total + bytesOf(layer), 0);
}

function roundUp(tokens: number): number {
  return Math.ceil(tokens / cellStep) * cellStep;
}
