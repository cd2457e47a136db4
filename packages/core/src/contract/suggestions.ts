// Suggestions: a model for a purpose.
import type { ModelRecord } from './models.js';

/**
 * What a model is wanted for. As an agent's configuration writes it: `null` says as much as nothing, and other keys are
 * passed over.
 */
export interface SuggestRequest {
  /** A model by name or alias; taken when it can run here. */
  readonly ai_model?: string | null;
  readonly use_case?: string | null;
  readonly category?: string | null;
  /** Bytes, or text such as "4GB". */
  readonly max_size?: number | string | null;
}

/** A model that could be suggested. */
export interface SuggestedModel {
  readonly record: ModelRecord;
  /** The higher the better; only comparable within one answer. */
  readonly score: number;
  /** Why it stands where it stands: words and numbers, a sentence part each. */
  readonly reasons: readonly string[];
  /** When its files are not here: the command that gets them. */
  readonly command?: string;
}

/** The answer of {@link Suggestions.suggest}. */
export interface Suggestion {
  readonly suggested: SuggestedModel;
  /** At most ten others, best first; those that are not on disk, or broken, last. */
  readonly alternatives: readonly SuggestedModel[];
}

/** Chooses a model for a purpose. */
export interface Suggestions {
  /**
   * @throws LaminaError `NO_SUGGESTION` (its details name those that could be downloaded), `REQUEST_INVALID`, `ABORTED`
   */
  suggest(request: SuggestRequest, options?: { signal?: AbortSignal }): Promise<Suggestion>;
}
