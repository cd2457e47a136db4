// The bodies of requests to Lamina's own routes, which frames of the WebSocket have too.
import type { Schema } from './schema.js';

const string = { type: 'string' } as const;
const textOrNull = { type: ['string', 'null'] } as const;

/** `POST /download`: either `model` or `reference`. */
export const downloadRequestSchema = {
  description: 'Either `model`, a model of the manifest, or `reference`, a model at a source.',
  type: 'object',
  properties: {
    model: { ...string, description: 'A model of the manifest.' },
    reference: { description: 'What the source calls the model: a URL, `org/repository:file`, …' },
    source: { ...string, description: 'The name of a source; default: the first one that knows the model.' },
    name: { ...string, description: 'The name in the manifest; default: what the source suggests.' },
  },
} as const satisfies Schema;

/** `POST /suggest`, as in the configuration of an agent: other keys are ignored. */
export const suggestRequestSchema = {
  description: 'What the model is for. `null` is the same as a missing key; other keys are ignored.',
  type: 'object',
  properties: {
    ai_model: { ...textOrNull, description: 'A model by name or alias.' },
    use_case: textOrNull,
    category: textOrNull,
    max_size: { type: ['number', 'string', 'null'], description: 'Bytes, or text such as `4GB`.' },
  },
} as const satisfies Schema;

/** `POST /models/validate`. */
export const validateRequestSchema = {
  type: 'object',
  properties: { models: { type: 'array', items: string, description: 'Only these models.' } },
} as const satisfies Schema;
