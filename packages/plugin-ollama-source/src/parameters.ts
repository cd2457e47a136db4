// Maps Ollama's parameters (documentation of the Modelfile) to options of the model and to request fields of OpenAI's API
// and llama-server.
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

/** Options of the model: the context length is fixed when it starts. */
export function startOptions(parameters: JsonObject): { context_length?: number } {
  const length = parameters['num_ctx'];
  return typeof length === 'number' && Number.isInteger(length) && length > 0 ? { context_length: length } : {};
}

/** Default fields of requests. A negative `num_predict` means no limit and is left out. */
export function requestFields(parameters: JsonObject): Readonly<Record<string, Json>> {
  const known = Object.entries(parameters).flatMap(([name, value]) => {
    const field = fields.get(name);
    return field === undefined || (name === 'num_predict' && !(Number(value) > 0)) ? [] : [[field, value] as const];
  });
  return Object.fromEntries(known);
}

/** Parameters that only Ollama's own engine has. */
export function unusedParameters(parameters: JsonObject): readonly string[] {
  return Object.keys(parameters).filter((name) => name !== 'num_ctx' && !fields.has(name));
}
