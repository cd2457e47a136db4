// Reads what a client sent: which model it names, and whether the route can do anything with it.
import type { IncomingMessage } from 'node:http';
import { LaminaError, reasonOf } from '@lamina/core';
import { isMultipart, parseObject, readBody, type BodyLimits } from './body.js';
import { inferenceRoutes } from './inference-routes.js';
import type { SentBody } from './send.js';

/** Parts of a form; OpenAI's routes have about ten. */
const partLimit = 1_000;
const partHeader = '\r\nContent-Disposition:';

/**
 * A request that names a model. It is held as bytes: parsed, JSON takes up to 80 times as much memory while it waits.
 */
export interface Incoming {
  readonly model: string;
  /** What goes to the engine when nothing has to be changed. */
  readonly bytes: Buffer | undefined;
  readonly contentType: string | undefined;
  /** Gives the memory of the body back. */
  readonly release: () => void;
}

/**
 * Reads a request for a route. `model` is the one the path names, when it names one.
 * @throws LaminaError `REQUEST_INVALID` with the field that is at fault, `BODY_TOO_LARGE`, `SERVER_OVERLOADED`,
 * `ABORTED`
 */
export async function readIncoming(
  request: IncomingMessage,
  route: string,
  limits: BodyLimits,
  model?: string,
): Promise<Incoming> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw invalid(`The body is compressed (${encoding}); send it as it is.`);
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

/** A request without a body; the query names the model. @throws LaminaError `REQUEST_INVALID` */
export function readQuery(query: string): Incoming {
  return {
    model: modelName(new URLSearchParams(query).get('model') ?? undefined),
    bytes: undefined,
    contentType: undefined,
    release: () => undefined,
  };
}

type Read = Omit<Incoming, 'release'>;

function readJson(bytes: Buffer, route: string, model: string | undefined): Read {
  const json = parseObject(bytes);
  const name = model ?? modelName(json['model']);
  for (const names of inferenceRoutes.get(route) ?? []) {
    if (!names.some((field) => json[field] !== undefined && json[field] !== null))
      throw invalid(`The field "${names[0]}" is missing.`, names[0]);
  }
  if (json['messages'] !== undefined && !Array.isArray(json['messages']))
    throw invalid('The field "messages" must be a list of messages.', 'messages');
  const contentType = 'application/json';
  if (json['model'] === name) return { model: name, bytes, contentType };
  return { model: name, bytes: Buffer.from(JSON.stringify({ ...json, model: name })), contentType };
}

async function readForm(bytes: Buffer, contentType: string): Promise<Read> {
  const form = await parseForm(bytes, contentType);
  return { model: modelName(form.get('model') ?? undefined), bytes, contentType };
}

/** The same form with another model: the engine knows the model by another id than the client. */
export async function renamedForm(bytes: Buffer, contentType: string, model: string): Promise<SentBody> {
  const form = await parseForm(bytes, contentType);
  form.set('model', model);
  const written = new Response(form);
  return {
    bytes: Buffer.from(await written.arrayBuffer()),
    contentType: written.headers.get('content-type') ?? undefined,
  };
}

async function parseForm(bytes: Buffer, contentType: string): Promise<FormData> {
  if (hasTooManyParts(bytes)) throw invalid(`The form has more than ${partLimit} parts.`);
  return new Response(bytes, { headers: { 'content-type': contentType } }).formData().catch((error: unknown) => {
    throw invalid(`The body is not a form: ${reasonOf(error)}.`);
  });
}

// Each part begins with this header, and becomes an object of several hundred bytes however small it is.
function hasTooManyParts(bytes: Buffer): boolean {
  let parts = 0;
  for (let at = bytes.indexOf(partHeader); at >= 0; at = bytes.indexOf(partHeader, at + 1))
    if (++parts > partLimit) return true;
  return false;
}

function modelName(value: unknown): string {
  if (value === undefined || value === null || value === '')
    throw invalid('The field "model" is missing; GET /v1/models lists the names.', 'model');
  if (typeof value !== 'string') throw invalid('The field "model" must be the name of a model.', 'model');
  return value;
}

function invalid(message: string, param?: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', param === undefined ? { message } : { message, param });
}
