// The values that labels can have: only names that Lamina knows, so that no client can create time series.
import { LaminaError, type PluginContext } from '@lamina/core/plugin';

/** What stands for every name that is not known. */
export const other = 'other';

/** The routes of OpenAI's and Anthropic's API that Lamina passes on. */
const routes: ReadonlySet<string> = new Set([
  'chat/completions',
  'completions',
  'embeddings',
  'responses',
  'messages',
  'messages/count_tokens',
  'rerank',
  'score',
  'audio/transcriptions',
  'audio/translations',
  'audio/speech',
  'images/generations',
  'images/edits',
]);

/** API keys are configured, but a host can name callers as it likes. */
const maxKeys = 200;

/** Turns what events say into the values of labels. */
export class Labels {
  readonly #keys = new Set<string>();

  constructor(private readonly models: PluginContext['models']) {}

  /** The name of the model; `other` for a name that a client made up. */
  model(name: string): string {
    if (this.models.get(name) !== undefined) return name;
    try {
      return this.models.resolve(name).model.name; // Of a request that was refused before its alias was resolved.
    } catch (error) {
      if (LaminaError.is(error, 'MODEL_NOT_FOUND')) return other;
      throw error;
    }
  }

  /** The part of the path after `/v1/`; `other` for what only an engine knows. */
  route(route: string): string {
    return routes.has(route) ? route : other;
  }

  /** The name of the caller's key; empty without one, `other` when there are more than 200 names. */
  key(name = ''): string {
    if (this.#keys.has(name)) return name;
    if (this.#keys.size >= maxKeys) return other;
    this.#keys.add(name);
    return name;
  }
}
