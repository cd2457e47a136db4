// How a tap of the hook transformResponse changes an answer.
import type { JsonObject } from './schema.js';

/**
 * Collects what the taps of `transformResponse` want to change. The changes of several taps run in the order of the taps.
 */
export interface ResponseTransforms {
  /** Whether the answer is a stream of events; else it is one body. */
  readonly isStream: boolean;
  /**
   * Changes the chunks of a stream.
   * @example
   * ```ts
   * lamina.hooks.transformResponse.tap((response) => {
   *   response.chunks({ each: (chunk) => ({ ...chunk, model: 'renamed' }) });
   * });
   * ```
   */
  chunks(transform: ChunkTransform): void;
  /**
   * Changes an answer that is one JSON body. Return the same object to leave it unchanged.
   * @example
   * ```ts
   * lamina.hooks.transformResponse.tap((response) => response.body((body) => ({ ...body, model: 'renamed' })));
   * ```
   */
  body(change: (body: JsonObject) => JsonObject): void;
}

/** How the chunks of a stream change. What it throws ends the request with `PLUGIN_FAILED`. */
export interface ChunkTransform {
  /**
   * The same object leaves a chunk as the engine wrote it, `undefined` drops it, a list replaces it by several. A word
   * that is split over two chunks can be held back: keep it, and return it with a later chunk or from `end`.
   */
  each(chunk: JsonObject): JsonObject | readonly JsonObject[] | undefined;
  /** What was held back, when the engine has ended its answer in order. Default: nothing. */
  end?(): readonly JsonObject[];
}
