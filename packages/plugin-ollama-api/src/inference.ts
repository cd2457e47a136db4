// What `/api/chat` and `/api/generate` have in common: the parameters of a request, and loading without a prompt.
import { LaminaError, type InferenceOptions, type JsonObject, type ModelCapability } from '@lamina/core/plugin';
import type { HttpContext } from '@lamina/server-koa';
import { lineHead } from './answer.js';
import { capabilitiesOf, requireCapabilities } from './capabilities.js';
import { keepAliveOf } from './keep-alive.js';
import type { NamedModel } from './names.js';
import { formatParameters, samplingParameters, thinkParameters, type Parameters, type Think } from './parameters.js';
import type { Timing } from './timing.js';

/** The members of both requests. */
export interface GenerationBody {
  readonly model: string;
  readonly stream?: boolean | null;
  readonly options?: JsonObject | null;
  readonly format?: unknown;
  readonly think?: Think;
  readonly keep_alive?: string | number | null;
}

/** Their schemas. Other members are ignored. */
export const generationProperties = {
  model: { type: 'string', minLength: 1, description: 'With or without a tag; `latest` is the default.' },
  stream: { type: ['boolean', 'null'], description: 'Default true.' },
  options: { type: ['object', 'null'], description: 'Sampling parameters by the names of Ollama.' },
  format: { description: '`json`, or a JSON Schema.' },
  think: { anyOf: [{ type: ['boolean', 'null'] }, { enum: ['low', 'medium', 'high', 'max'] }] },
  keep_alive: {
    type: ['string', 'number', 'null'],
    description: 'Seconds, or a duration such as `5m`; negative: for ever.',
  },
} as const;

/**
 * The parameters for the engine. `needs` is what else the request needs of the model.
 * @throws LaminaError `REQUEST_INVALID`
 */
export async function parametersOf(
  { lamina }: HttpContext,
  { record }: NamedModel,
  { model, options, format, think }: GenerationBody,
  needs: readonly ModelCapability[],
): Promise<Parameters> {
  const parameters = { ...samplingParameters(options), ...formatParameters(format) };
  const asksToThink = think === true || typeof think === 'string';
  if (think === undefined || think === null ? needs.length === 0 : false) return parameters;
  const capabilities = await capabilitiesOf(lamina, record);
  requireCapabilities(model, capabilities, asksToThink ? [...needs, 'reasoning'] : needs);
  // Clients send `think: false` to every model; an engine may refuse a parameter that it does not know.
  const knowsThink = asksToThink || capabilities?.includes('reasoning') === true;
  return knowsThink ? { ...parameters, ...thinkParameters(think) } : parameters;
}

/** The options of the request in Lamina. */
export function inferenceOptions(
  { id }: HttpContext,
  { keep_alive }: GenerationBody,
  { onWaited }: Timing,
): InferenceOptions {
  const keepAlive = keepAliveOf(keep_alive);
  return { id, onWaited, ...(keepAlive === undefined ? {} : { keepAlive }) };
}

/** Loads the model, or unloads it with `keep_alive` 0: a request without a prompt. `empty` is the empty answer. */
export async function loadOnly(
  { lamina, signal }: HttpContext,
  { name }: NamedModel,
  { model, keep_alive }: GenerationBody,
  empty: object,
): Promise<object> {
  const keepAlive = keepAliveOf(keep_alive);
  const unloads = keepAlive === 0;
  try {
    await lamina.runtime.load(name, {
      signal,
      ...(keepAlive === undefined ? {} : { keepAlive }),
      ...(unloads ? { onlyRunning: true } : {}),
    });
  } catch (error) {
    if (!unloads || !LaminaError.is(error, 'MODEL_NOT_RUNNING')) throw error;
  }
  return { ...lineHead(model), ...empty, done: true, done_reason: unloads ? 'unload' : 'load' };
}
