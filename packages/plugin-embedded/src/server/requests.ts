// The schemas of requests: OpenAI's fields and the samplers of llama.cpp.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
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
  n: { type: 'integer', minimum: 1, maximum: 8 },
} as const;

const tokenIds = { type: 'array', minItems: 1, items: { type: 'integer' } } as const;

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
    content: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'object' } }] },
    reasoning_content: { type: 'string' },
    tool_calls: { type: 'array', items: call },
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
    prompt: {
      anyOf: [
        { type: 'string' },
        { type: 'array', minItems: 1, items: { type: 'string' } },
        tokenIds,
        { type: 'array', minItems: 1, items: tokenIds },
      ],
      description: 'a text, a list of texts, a list of token ids, or a list of such lists',
    },
    best_of: { type: 'integer' },
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
        tokenIds,
        { type: 'array', minItems: 1, items: tokenIds },
      ],
      description: 'a text, a list of texts, a list of token ids, or a list of such lists, none of them empty',
    },
    encoding_format: { enum: ['float', 'base64'] },
    dimensions: count,
  },
  required: ['input'],
} as const;

/** A valid chat request. */
export type ChatRequest = FromSchema<typeof chatSchema>;
export type CompletionRequest = FromSchema<typeof completionSchema>;
export type EmbeddingRequest = FromSchema<typeof embeddingSchema>;
/** The fields that chats and completions share. */
export type GenerationRequest = FromSchema<{ readonly type: 'object'; readonly properties: typeof generation }>;

/** Fields that change the response and that the engine does not support; other unknown fields are ignored. */
const unsupportedFields = {
  chat: ['logprobs', 'top_logprobs', 'functions', 'function_call', 'audio'],
  completion: ['logprobs', 'echo', 'suffix'],
} as const;

// verbose: errors have the schema with its description.
const ajv = new Ajv({ strict: false, verbose: true });
const validators = {
  chat: ajv.compile(chatSchema),
  completion: ajv.compile(completionSchema),
  embedding: ajv.compile(embeddingSchema),
};

/** @throws RequestError with the field that is wrong */
export function readChat(body: unknown): ChatRequest {
  const given = withoutNulls(body);
  const { messages } = given as { messages?: unknown };
  const request = Array.isArray(messages) ? { ...(given as object), messages: messages.map(withoutNulls) } : given;
  return checked<ChatRequest>(validators.chat, request, unsupportedFields.chat);
}

/** @throws RequestError with the field that is wrong */
export function readCompletion(body: unknown): CompletionRequest {
  const request = checked<CompletionRequest>(validators.completion, withoutNulls(body), unsupportedFields.completion);
  const { n = 1, best_of = n } = request;
  if (best_of !== n)
    throw unsupported(
      `The embedded engine returns every choice it generates; "best_of" must be ${n}, as "n".`,
      'best_of',
    );
  return request;
}

/** @throws RequestError with the field that is wrong */
export function readEmbedding(body: unknown): EmbeddingRequest {
  return checked<EmbeddingRequest>(validators.embedding, withoutNulls(body), []);
}

/** Fields that are `null` count as missing, as in OpenAI's API. */
function withoutNulls(given: unknown): unknown {
  return typeof given === 'object' && given !== null && !Array.isArray(given)
    ? Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
    : given;
}

function checked<T>(validate: ValidateFunction, given: unknown, refused: readonly string[]): T {
  if (!validate(given)) throw invalid(validate.errors ?? []);
  for (const field of refused)
    if (isRequested(given as object, field))
      throw unsupported(`The embedded engine does not support "${field}".`, field);
  return given as T;
}

/** The first problem; of a choice among schemas, its description. */
function invalid(errors: readonly ErrorObject[]): RequestError {
  const [first, last] = [errors[0], errors.at(-1)];
  const { description } = (last?.parentSchema ?? {}) as { description?: string };
  const { instancePath = '', message = 'is not valid' } =
    description === undefined ? (first ?? {}) : { instancePath: last?.instancePath, message: `must be ${description}` };
  const param = instancePath.slice(1).replaceAll('/', '.');
  return new RequestError(
    400,
    param === '' ? `The body ${message}.` : `"${param}" ${message}.`,
    param === '' ? {} : { param },
  );
}

/** Clients send values that request nothing: `false`, `0`, an empty text. */
function isRequested(body: object, field: string): boolean {
  return Boolean((body as Readonly<Record<string, unknown>>)[field]);
}
