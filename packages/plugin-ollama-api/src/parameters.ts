// What becomes of `options`, `format` and `think`: parameters of chat completions, as llama-server and vLLM know them.
import type { JsonObject } from '@lamina/core/plugin';
import { invalid } from './errors.js';

/** Parameters of a request to an engine. */
export type Parameters = Readonly<Record<string, unknown>>;

const kinds = {
  integer: (value: unknown) => (typeof value === 'number' ? Math.trunc(value) : undefined),
  float32: (value: unknown) => (typeof value === 'number' ? value : undefined),
  array: (value: unknown) => (typeof value === 'string' ? [value] : isTexts(value) ? value : undefined),
} as const;

/** Ollama's name → its kind and the engine's name. All others are ignored: they apply to the load, or to Ollama only. */
const options: ReadonlyMap<string, readonly [kind: keyof typeof kinds, parameter: string]> = new Map([
  ['num_predict', ['integer', 'max_tokens']],
  ['num_keep', ['integer', 'n_keep']],
  ['seed', ['integer', 'seed']],
  ['top_k', ['integer', 'top_k']],
  ['repeat_last_n', ['integer', 'repeat_last_n']],
  ['temperature', ['float32', 'temperature']],
  ['top_p', ['float32', 'top_p']],
  ['min_p', ['float32', 'min_p']],
  ['typical_p', ['float32', 'typical_p']],
  ['repeat_penalty', ['float32', 'repeat_penalty']],
  ['presence_penalty', ['float32', 'presence_penalty']],
  ['frequency_penalty', ['float32', 'frequency_penalty']],
  ['stop', ['array', 'stop']],
]);

/** @throws LaminaError `REQUEST_INVALID` for an option of the wrong type */
export function samplingParameters(given: JsonObject | null | undefined): Parameters {
  const parameters: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given ?? {})) {
    const [kind, parameter] = options.get(name) ?? [];
    if (kind === undefined || value === null) continue;
    const read = kinds[kind](value);
    if (read === undefined) throw invalid(`option "${name}" must be of type ${kind}`);
    if (name === 'num_predict' && Number(read) <= 0) continue; // Without a limit.
    parameters[parameter!] = read;
  }
  return parameters;
}

/** @throws LaminaError `REQUEST_INVALID` for a format that is neither `json` nor a schema */
export function formatParameters(format: unknown): Parameters {
  if (format === undefined || format === null || format === '') return {};
  if (format === 'json') return { response_format: { type: 'json_object' } };
  if (typeof format !== 'object' || Array.isArray(format))
    throw invalid(`invalid format: ${JSON.stringify(format)}; expected "json" or a JSON Schema object`);
  return { response_format: { type: 'json_schema', json_schema: { name: 'format', schema: format } } };
}

/** How much a model shall think: `true`, `false`, or one of Ollama's levels. */
export type Think = boolean | 'low' | 'medium' | 'high' | 'max' | null | undefined;

/** Without `think` the model does what its template does by default. `max` is `high`, the most that engines know. */
export function thinkParameters(think: Think): Parameters {
  if (think === undefined || think === null) return {};
  if (typeof think === 'boolean') return { chat_template_kwargs: { enable_thinking: think } };
  const effort = think === 'max' ? 'high' : think;
  return {
    reasoning_effort: effort,
    chat_template_kwargs: { enable_thinking: true, reasoning_effort: effort },
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}
