// The documents of `GET /v1/models`, in OpenAI's format with the facts that clients of local servers read.
import { slotStateSchema } from './events.js';
import type { DocumentOf, Schema } from './schema.js';

const count = { type: 'integer', minimum: 0 } as const;
const string = { type: 'string' } as const;

/** What is known of a model: of a running one from its engine, of a stopped one from its files and options. */
export const modelFactProperties = {
  context_length: {
    ...count,
    description:
      'Tokens in the context of one request. While the model is stopped: of its option, or else of its training.',
  },
  capabilities: {
    type: 'array',
    items: { enum: ['chat', 'tools', 'reasoning', 'vision', 'audio', 'embeddings', 'rerank'] },
    description: 'What the model can do.',
  },
  quantization: { ...string, description: '`Q4_K_M`, `F16`, `awq`, …' },
} as const;

/** A model in `GET /v1/models`. */
export const servedModelSchema = {
  description: 'A model, under its name or an alias. What is not known is missing.',
  type: 'object',
  properties: {
    id: { ...string, description: 'The name or alias that requests use.' },
    object: { const: 'model' },
    created: { ...count, description: 'When this server started, in seconds since 1970.' },
    owned_by: { const: 'lamina' },
    state: slotStateSchema,
    ...modelFactProperties,
    max_model_len: { ...count, description: "`context_length` under vLLM's name." },
    size: { ...count, description: 'Size of the files in bytes.' },
    architecture: {
      type: 'object',
      description: 'What goes in and comes out, as OpenRouter and llama-server write it.',
      properties: {
        input_modalities: { type: 'array', items: string },
        output_modalities: { type: 'array', items: string },
      },
      required: ['input_modalities', 'output_modalities'],
    },
    meta: {
      type: 'object',
      description: "The same facts under llama-server's names.",
      properties: {
        n_ctx: { ...count, description: 'As `context_length`.' },
        n_ctx_train: { ...count, description: 'The longest context the model was trained for.' },
        n_params: { ...count, description: 'The number of weights.' },
        n_vocab: count,
        n_embd: count,
        size: { ...count, description: 'As `size`.' },
        ftype: { ...string, description: 'As `quantization`.' },
      },
    },
  },
  required: ['id', 'object', 'created', 'owned_by', 'state', 'meta'],
} as const satisfies Schema;

/** `GET /v1/models`. */
export const servedModelsSchema = {
  description: 'The models whose files are complete, and their aliases.',
  type: 'object',
  properties: { object: { const: 'list' }, data: { type: 'array', items: servedModelSchema } },
  required: ['object', 'data'],
} as const satisfies Schema;

/** A model in `GET /v1/models`. */
export type ServedModel = DocumentOf<typeof servedModelSchema>;

/** `GET /v1/models`. */
export type ServedModels = DocumentOf<typeof servedModelsSchema>;
