// Reads the body of an inference request: the model it names, and the fields its route requires.
import type { IncomingMessage } from 'node:http';
import { LaminaError, reasonOf, type FormBody } from '@lamina/core';
import { isMultipart, parseObject, readBody, type BodyLimits } from './body.js';

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

/** The most parts of a form; OpenAI's routes have about ten. */
const partLimit = 1_000;
const partHeader = '\r\nContent-Disposition:';

/** The body of an inference request. It is kept as bytes: parsed JSON takes up to 80 times as much memory. */
export interface InferenceBody {
  /** The model that the request names. */
  readonly model: string;
  /** The body, when it is JSON. */
  readonly body?: Buffer;
  /** The body, when it is a form. */
  readonly form?: FormBody;
  /** Releases the memory of the body. */
  readonly release: () => void;
}

/**
 * Reads the body of a request for a route. `model` is the model that the path names, when it names one.
 * @throws LaminaError `REQUEST_INVALID` with the name of the field, `BODY_TOO_LARGE`, `SERVER_OVERLOADED`,
 * `ABORTED`
 */
export async function readInferenceBody(
  request: IncomingMessage,
  route: string,
  limits: BodyLimits,
  model?: string,
): Promise<InferenceBody> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw invalid(`The body is compressed (${encoding}). Send it uncompressed.`);
  const { bytes, release } = await readBody(request, limits);
  try {
    const contentType = request.headers['content-type'];
    const read = isMultipart(contentType) ? await readForm(bytes, contentType!) : readJson(bytes, route, model);
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
    release: () => undefined,
  };
}

function readJson(bytes: Buffer, route: string, model: string | undefined): Omit<InferenceBody, 'release'> {
  const json = parseObject(bytes);
  const name = model ?? modelName(json['model']);
  for (const names of requiredFields.get(route) ?? []) {
    if (!names.some((field) => json[field] !== undefined && json[field] !== null))
      throw invalid(`The field "${names[0]}" is missing.`, names[0]);
  }
  if (json['messages'] !== undefined && !Array.isArray(json['messages']))
    throw invalid('The field "messages" must be a list of messages.', 'messages');
  if (Array.isArray(json['messages']) && json['messages'].length === 0)
    throw invalid('The field "messages" is empty. Send at least one message.', 'messages');
  if (json['model'] === name) return { model: name, body: bytes };
  return { model: name, body: Buffer.from(JSON.stringify({ ...json, model: name })) };
}

async function readForm(bytes: Buffer, contentType: string): Promise<Omit<InferenceBody, 'release'>> {
  const model = modelName((await parseForm(bytes, contentType)).get('model') ?? undefined);
  return { model, form: { model, bytes, contentType, withModel: (id) => renamedForm(bytes, contentType, id) } };
}

/** The same form with another model. */
async function renamedForm(bytes: Buffer, contentType: string, model: string): ReturnType<FormBody['withModel']> {
  const form = await parseForm(bytes, contentType);
  form.set('model', model);
  const written = new Response(form);
  return {
    bytes: Buffer.from(await written.arrayBuffer()),
    contentType: written.headers.get('content-type') ?? contentType,
  };
}

async function parseForm(bytes: Buffer, contentType: string): Promise<FormData> {
  if (hasTooManyParts(bytes)) throw invalid(`The form has more than ${partLimit} parts.`);
  return new Response(bytes, { headers: { 'content-type': contentType } }).formData().catch((error: unknown) => {
    throw invalid(`The body is not a valid form: ${reasonOf(error)}.`);
  });
}

// Each part begins with this header, and takes several hundred bytes once it is parsed, however small it is.
function hasTooManyParts(bytes: Buffer): boolean {
  let parts = 0;
  for (let at = bytes.indexOf(partHeader); at >= 0; at = bytes.indexOf(partHeader, at + 1))
    if (++parts > partLimit) return true;
  return false;
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
