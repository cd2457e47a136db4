// The schemas of requests: OpenAI's fields and the samplers of llama.cpp.
import { Ajv, type ValidateFunction } from 'ajv';
import type { FromSchema } from '@lamina/core/plugin';
import { RequestError, unsupported } from './errors.js';

const count = { type: 'integer', minimum: 1 } as const;
const share = { type: 'number', minimum: 0, maximum: 1 } as const;

const generation = {
  model: { type: 'string' },
  stream: { type: 'boolean' },
  stream_options: { type: 'object', properties: { include_usage: { type: 'boolean' } } },
  max_tokens: count,
  temperature: { type: 'number', minimum: 0 },
  top_p: share,
  top_k: { type: 'integer', minimum: 0 },
  min_p: share,
  seed: { type: 'integer' },
  stop: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
  frequency_penalty: { type: 'number' },
  presence_penalty: { type: 'number' },
  repeat_penalty: { type: 'number', exclusiveMinimum: 0 },
  logit_bias: { type: 'object', additionalProperties: { type: 'number' } },
  n: { type: 'integer' },
} as const;

const call = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    function: { type: 'object', properties: { name: { type: 'string' }, arguments: {} }, required: ['name'] },
  },
  required: ['function'],
} as const;

const message = {
  type: 'object',
  properties: {
    role: { enum: ['system', 'developer', 'user', 'assistant', 'tool'] },
    content: { anyOf: [{ type: 'string' }, { type: 'null' }, { type: 'array', items: { type: 'object' } }] },
    reasoning_content: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    tool_calls: { anyOf: [{ type: 'array', items: call }, { type: 'null' }] },
    tool_call_id: { type: 'string' },
  },
  required: ['role'],
} as const;

const tool = {
  type: 'object',
  properties: {
    type: { enum: ['function'] },
    function: {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 1 },
        description: { type: 'string' },
        parameters: { type: 'object' },
      },
      required: ['name'],
    },
  },
  required: ['type', 'function'],
} as const;

const chatSchema = {
  type: 'object',
  properties: {
    ...generation,
    messages: { type: 'array', minItems: 1, items: message },
    max_completion_tokens: count,
    response_format: {
      type: 'object',
      properties: {
        type: { enum: ['text', 'json_object', 'json_schema'] },
        json_schema: { type: 'object', properties: { schema: {} } },
        schema: {},
      },
      required: ['type'],
    },
    tools: { type: 'array', items: tool },
    tool_choice: {
      anyOf: [
        { enum: ['none', 'auto', 'required'] },
        {
          type: 'object',
          properties: { function: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
          required: ['function'],
        },
      ],
    },
    parallel_tool_calls: { type: 'boolean' },
    chat_template_kwargs: { type: 'object' },
  },
  required: ['messages'],
} as const;

const completionSchema = {
  type: 'object',
  properties: {
    ...generation,
    prompt: { anyOf: [{ type: 'string' }, { type: 'array', minItems: 1, items: { type: 'integer' } }] },
  },
  required: ['prompt'],
} as const;

const embeddingSchema = {
  type: 'object',
  properties: {
    model: { type: 'string' },
    input: {
      anyOf: [
        { type: 'string', minLength: 1 },
        { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } },
      ],
    },
    encoding_format: { enum: ['float', 'base64'] },
  },
  required: ['input'],
} as const;

/** A valid chat request. */
export type ChatRequest = FromSchema<typeof chatSchema>;
export type CompletionRequest = FromSchema<typeof completionSchema>;
export type EmbeddingRequest = FromSchema<typeof embeddingSchema>;
/** The fields that chats and completions share. */
export type GenerationRequest = FromSchema<{ readonly type: 'object'; readonly properties: typeof generation }>;

const ajv = new Ajv({ strict: false });
const validators = {
  chat: ajv.compile(chatSchema),
  completion: ajv.compile(completionSchema),
  embedding: ajv.compile(embeddingSchema),
};

/** @throws RequestError with the field that is wrong */
export function readChat(body: unknown): ChatRequest {
  return checked<ChatRequest>(validators.chat, body);
}

/** @throws RequestError with the field that is wrong */
export function readCompletion(body: unknown): CompletionRequest {
  const request = checked<CompletionRequest>(validators.completion, body);
  for (const field of ['echo', 'suffix', 'best_of'])
    if (isRequested(body, field)) throw unsupported(`The embedded engine does not support "${field}".`, field);
  return request;
}

/** @throws RequestError with the field that is wrong */
export function readEmbedding(body: unknown): EmbeddingRequest {
  return checked<EmbeddingRequest>(validators.embedding, body);
}

/** Fields that are `null` count as missing, as in OpenAI's API. */
function checked<T>(validate: ValidateFunction, body: unknown): T {
  const given =
    typeof body === 'object' && body !== null && !Array.isArray(body)
      ? Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
      : body;
  if (!validate(given)) {
    const { instancePath = '', message = 'is not valid' } = validate.errors?.[0] ?? {};
    const param = instancePath.slice(1).replaceAll('/', '.');
    throw new RequestError(
      400,
      param === '' ? `The body ${message}.` : `"${param}" ${message}.`,
      param === '' ? {} : { param },
    );
  }
  if (isRequested(given, 'logprobs')) throw unsupported('The embedded engine does not support "logprobs".', 'logprobs');
  if (((given as { n?: number }).n ?? 1) !== 1)
    throw unsupported('The embedded engine generates one choice; "n" must be 1.', 'n');
  return given as T;
}

function isRequested(body: unknown, field: string): boolean {
  const value = (body as Readonly<Record<string, unknown>>)[field];
  return value !== undefined && value !== null && value !== false && value !== 0;
}
