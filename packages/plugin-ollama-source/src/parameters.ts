// What Ollama's parameters are elsewhere: options the model starts with, or fields of a request. Names from Ollama's
// documentation of the Modelfile; the fields are those that OpenAI's API and llama-server take.
import type { Json, JsonObject } from '@lamina/core/plugin';

const fields: ReadonlyMap<string, string> = new Map(
  Object.entries({
    temperature: 'temperature',
    top_p: 'top_p',
    top_k: 'top_k',
    min_p: 'min_p',
    typical_p: 'typical_p',
    repeat_penalty: 'repeat_penalty',
    repeat_last_n: 'repeat_last_n',
    presence_penalty: 'presence_penalty',
    frequency_penalty: 'frequency_penalty',
    mirostat: 'mirostat',
    mirostat_tau: 'mirostat_tau',
    mirostat_eta: 'mirostat_eta',
    seed: 'seed',
    stop: 'stop',
    num_predict: 'max_tokens',
  }),
);

/** Options of the backend: the length of the context is fixed when a model starts. */
export function startOptions(parameters: JsonObject): { context_length?: number } {
  const length = parameters['num_ctx'];
  return typeof length === 'number' && Number.isInteger(length) && length > 0 ? { context_length: length } : {};
}

/**
 * Fields for requests that do not have them. Negative `num_predict` means: no limit, which is what leaving it out means
 * too.
 */
export function requestFields(parameters: JsonObject): Readonly<Record<string, Json>> {
  const known = Object.entries(parameters).flatMap(([name, value]) => {
    const field = fields.get(name);
    return field === undefined || (name === 'num_predict' && !(Number(value) > 0)) ? [] : [[field, value] as const];
  });
  return Object.fromEntries(known);
}

/** Parameters that are neither; they are about Ollama's own engine. */
export function unusedParameters(parameters: JsonObject): readonly string[] {
  return Object.keys(parameters).filter((name) => name !== 'num_ctx' && !fields.has(name));
}
