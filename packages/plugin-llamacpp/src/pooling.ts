// Whether a model serves embeddings or ranking, by its options, else by its header.
import type { Model } from '@lamina/core/plugin';
import type { ModelOptions } from './options.js';

/** Whether it serves `/v1/embeddings`. */
export function servesEmbeddings({ metadata }: Model, { embeddings }: ModelOptions): boolean {
  return embeddings ?? ['mean', 'cls', 'last'].includes(metadata?.pooling ?? '');
}

/** Whether it serves `/v1/rerank`. */
export function servesRanking({ metadata }: Model, { rerank }: ModelOptions): boolean {
  return rerank ?? metadata?.pooling === 'rank';
}
