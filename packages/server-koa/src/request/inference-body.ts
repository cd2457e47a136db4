// Reads the body of an inference request: the model it names, and the fields its route requires.
import type { IncomingMessage } from 'node:http';
import { LaminaError, type FormBody, type JsonObject, type Schema } from '@lamina/core';
import { readBody, type BodyLimits } from './body.js';
import { FormReader, isForm, renamedForm } from './form.js';
import { parseObject, withoutMark } from './json.js';

/** Fields that a body must have. Of several names one is enough; the first is the preferred one. */
type RequiredField = readonly [string, ...string[]];

/**
 * Route (what comes after `/v1/`) → its required fields besides `model`, checked before a model is started. Second names
 * are alternatives that engines accept: vLLM's prompts as embeddings and its chats to embed, llama.cpp's `content` and
 * the rerank form of text-embeddings-inference.
 */
export const requiredFields: ReadonlyMap<string, readonly RequiredField[]> = new Map([
  ['chat/completions', [['messages']]],
  ['completions', [['prompt', 'prompt_embeds']]],
  ['embeddings', [['input', 'messages', 'content']]],
  ['responses', [['input', 'prompt', 'conversation']]],
  ['messages', [['messages']]],
  ['messages/count_tokens', [['messages']]],
  ['rerank', [['query'], ['documents', 'texts']]],
  ['score', []],
  ['audio/transcriptions', []],
  ['audio/translations', []],
  ['audio/speech', [['input']]],
  ['images/generations', [['prompt']]],
  ['images/edits', []],
] satisfies [string, RequiredField[]][]);

/** The body of an inference request. It is kept as bytes: parsed JSON takes up to 80 times as much memory. */
export interface InferenceBody {
  /** The model that the request names. */
  readonly model: string;
  /** The body, when it is JSON. */
  readonly body?: Buffer;
  /** The body, when it is a form. */
  readonly form?: FormBody;
  /** Whether the JSON asks for a stream. */
  readonly stream: boolean;
  /** Releases the memory of the body. */
  readonly release: () => void;
}

/**
 * Reads the body of a request for a route. `model` is the model that the path names, when it names one.
 * @throws LaminaError `REQUEST_INVALID` with the name of the field, and all that {@link readBody} throws
 */
export async function readInferenceBody(
  request: IncomingMessage,
  route: string,
  limits: BodyLimits,
  model?: string,
): Promise<InferenceBody> {
  const contentType = request.headers['content-type'];
  const form = isForm(contentType) ? { reader: new FormReader(contentType), contentType } : undefined;
  const { bytes, release } = await readBody(request, limits, form && ((piece) => form.reader.write(piece)));
  try {
    const read =
      form === undefined
        ? checkedBody(withoutMark(bytes), parseObject(withoutMark(bytes)), route, model)
        : readForm(bytes, form.contentType, await form.reader.end());
    return { ...read, release };
  } catch (error) {
    release();
    throw error;
  }
}

/** A request without a body, whose query names the model. @throws LaminaError `REQUEST_INVALID` */
export function readQuery(query: string): InferenceBody {
  return {
    model: modelName(new URLSearchParams(query).get('model') ?? undefined),
    stream: false,
    release: () => undefined,
  };
}

/** The body of a request that is made in this process. @throws LaminaError `REQUEST_INVALID` */
export function inferenceBodyOf(json: object, route: string): InferenceBody {
  return { ...checkedBody(Buffer.from(JSON.stringify(json)), json as JsonObject, route), release: () => undefined };
}

function checkedBody(bytes: Buffer, json: JsonObject, route: string, model?: string): Omit<InferenceBody, 'release'> {
  const name = model ?? modelName(json['model']);
  for (const names of requiredFields.get(route) ?? []) {
    if (!names.some((field) => json[field] !== undefined && json[field] !== null))
      throw invalid(`The field "${names[0]}" is missing.`, names[0]);
  }
  if (json['messages'] !== undefined && !Array.isArray(json['messages']))
    throw invalid('The field "messages" must be a list of messages.', 'messages');
  if (Array.isArray(json['messages']) && json['messages'].length === 0)
    throw invalid('The field "messages" is empty. Send at least one message.', 'messages');
  return { model: name, body: bytes, stream: json['stream'] === true };
}

function readForm(bytes: Buffer, contentType: string, named: string | undefined): Omit<InferenceBody, 'release'> {
  const model = modelName(named);
  return {
    model,
    stream: false,
    form: { model, bytes, contentType, withModel: (id) => renamedForm(bytes, contentType, id) },
  };
}

function modelName(value: unknown): string {
  if (value === undefined || value === null || value === '')
    throw invalid('The field "model" is missing. GET /v1/models lists the names.', 'model');
  if (typeof value !== 'string') throw invalid('The field "model" must be the name of a model.', 'model');
  return value;
}

function invalid(message: string, param?: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', param === undefined ? { message } : { message, param });
}

/** Routes that take files. */
const formRoutes: ReadonlySet<string> = new Set(['audio/transcriptions', 'audio/translations', 'images/edits']);

/** What {@link readInferenceBody} accepts, by content type, for `/openapi.json`. */
export function inferenceBodySchemas(route: string, namesModel = true): Readonly<Record<string, Schema>> {
  const model = { type: 'string', minLength: 1, description: 'The name or alias of a model.' } as const;
  if (formRoutes.has(route))
    return {
      'multipart/form-data': {
        description: 'Further fields are passed on to the engine.',
        type: 'object',
        properties: { model },
        required: ['model'],
      },
    };
  const fields = requiredFields.get(route) ?? [];
  const single = fields.filter(({ length }) => length === 1).map(([name]) => name);
  const choices = fields.filter(({ length }) => length > 1);
  return {
    'application/json': {
      description: 'Further fields are passed on to the engine. A field that is `null` counts as missing.',
      type: 'object',
      properties: {
        ...(namesModel ? { model } : {}),
        ...(fields.flat().includes('messages') ? { messages: { type: 'array', minItems: 1 } } : {}),
      },
      required: [...(namesModel ? ['model'] : []), ...single],
      ...(choices.length === 0
        ? {}
        : { allOf: choices.map((names) => ({ anyOf: names.map((name) => ({ required: [name] })) })) }),
    },
  };
}
