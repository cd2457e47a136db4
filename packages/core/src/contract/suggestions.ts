// Suggestions: which model to use for a purpose.
import type { ModelRecord } from './models.js';

/** What a model is needed for, as in an agent's configuration: `null` means absent, and other keys are ignored. */
export interface SuggestRequest {
  /** A model by name or alias; suggested if it can run on this machine. */
  readonly ai_model?: string | null;
  readonly use_case?: string | null;
  readonly category?: string | null;
  /** Bytes, or text such as "4GB". */
  readonly max_size?: number | string | null;
}

/** A model that could be suggested. */
export interface SuggestedModel {
  readonly record: ModelRecord;
  /** Higher is better; comparable within one answer only. */
  readonly score: number;
  /** Why it has this score, a sentence part each. */
  readonly reasons: readonly string[];
  /** The command that downloads it, when its files are not on disk. */
  readonly command?: string;
}

/** The result of {@link Suggestions.suggest}. */
export interface Suggestion {
  readonly suggested: SuggestedModel;
  /** False when no model on disk is meant for what was asked: then the best of all models is suggested. */
  readonly matched: boolean;
  /** At most ten others, best first; models that are not on disk or broken are last. */
  readonly alternatives: readonly SuggestedModel[];
}

/**
 * Suggests a model for a purpose.
 *
 * @example
 * ```ts
 * const { suggested } = await lamina.suggestions.suggest({ use_case: 'chat', max_size: '8GB' });
 * ```
 */
export interface Suggestions {
  /**
   * @throws LaminaError `NO_SUGGESTION` (its details name models that could be downloaded), `REQUEST_INVALID`, `ABORTED`
   * @example
   * ```ts
   * const { suggested, alternatives } = await lamina.suggestions.suggest({ category: 'small' });
   * console.log(suggested.record.model.name, suggested.reasons);
   * ```
   */
  suggest(request: SuggestRequest, options?: { signal?: AbortSignal }): Promise<Suggestion>;
}
