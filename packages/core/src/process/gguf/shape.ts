// What of a model's header its memory depends on.
import type { ModelMetadata } from '../../contract/models.js';

/** A layer: what it keeps of each token, or of the whole sequence. */
export interface Layer {
  /** Heads that keep keys and values; 0: none. */
  readonly kvHeads: number;
  /** It keeps only the last `slidingWindow` tokens. */
  readonly window: boolean;
  /** It keeps a state of constant size. */
  readonly recurrent: boolean;
}

/** The fields of a header that memory depends on, with llama.cpp's defaults for those that are missing. */
export interface Shape extends ModelMetadata {
  readonly kept: readonly Layer[];
  readonly embeddingLength: number;
  readonly heads: number;
  readonly keyLength: number;
  /** 0 with compressed keys and values: the values are a view of the keys. */
  readonly valueLength: number;
}

/**
 * Architectures whose headers do not say which layers have the sliding window: one without it comes every so many
 * layers (llama-model.cpp).
 */
const windowIntervals: Readonly<Record<string, number>> = {
  gemma2: 2,
  gemma3: 6,
  gemma3n: 5,
  'gemma-embedding': 6,
  'gpt-oss': 2,
  cohere2: 4,
  exaone4: 4,
  olmo2: 4,
};

/** Architectures of which every so many layers attend, unless the header says another number; the others have a delta net. */
const attentionIntervals: Readonly<Record<string, number>> = { qwen3next: 4, qwen35: 4, qwen35moe: 4 };

/** The shape of a model; `undefined` when its header says neither what its layers attend with nor their state. */
export function shapeOf(metadata: ModelMetadata | undefined): Shape | undefined {
  const { layers, embeddingLength, kvHeads, keyLength, valueLength, recurrent } = metadata ?? {};
  if (metadata === undefined || layers === undefined || embeddingLength === undefined) return undefined;
  const attends = kvHeads !== undefined && keyLength !== undefined && valueLength !== undefined;
  if (!attends && recurrent === undefined) return undefined;
  return {
    ...metadata,
    kept: layersOf(metadata, layers),
    embeddingLength,
    heads: metadata.heads ?? kvHeads ?? 0,
    keyLength: keyLength ?? 0,
    valueLength: metadata.kvLoraRank === undefined ? (valueLength ?? 0) : 0,
  };
}

/** Whether its recurrent layers are delta nets. */
export function isDeltaNet(metadata: ModelMetadata): boolean {
  return attentionInterval(metadata) !== undefined;
}

function layersOf(metadata: ModelMetadata, layers: number): readonly Layer[] {
  const heads = Array.from({ length: layers }, (_, index) => kvHeadsOf(metadata, index));
  // Where every layer attends, each has a state besides.
  const hasState = metadata.recurrent === undefined ? () => false : (own: number) => own === 0 || !heads.includes(0);
  const own = layers - (metadata.sharedKvLayers ?? 0);
  return heads.map((kvHeads, index) => ({
    kvHeads: index < own ? kvHeads : 0,
    window: hasWindow(metadata, index),
    recurrent: hasState(kvHeads),
  }));
}

function kvHeadsOf(metadata: ModelMetadata, index: number): number {
  const { kvHeads = 0, kvHeadsPerLayer } = metadata;
  if (kvHeadsPerLayer !== undefined) return kvHeadsPerLayer[index] ?? kvHeads;
  const interval = attentionInterval(metadata) ?? 1;
  return (index + 1) % interval === 0 ? kvHeads : 0;
}

function attentionInterval(metadata: ModelMetadata): number | undefined {
  return metadata.attentionInterval ?? attentionIntervals[metadata.architecture ?? ''];
}

function hasWindow({ slidingWindow, windowPattern, architecture }: ModelMetadata, index: number): boolean {
  if (slidingWindow === undefined) return false;
  const pattern = windowPattern ?? windowIntervals[architecture ?? ''] ?? 1;
  return typeof pattern === 'number' ? (index + 1) % pattern !== 0 : pattern[index] === true;
}
