// Reads what a client sent: which model it names, and whether the route can do anything with it.
import type { IncomingMessage } from 'node:http';
import { LaminaError, reasonOf, type JsonObject } from '@lamina/core';
import { readBody } from './body.js';
import { inferenceRoutes } from './inference-routes.js';

/** A request that names a model. */
export interface Incoming {
  readonly model: string;
  /** What goes to the engine when nothing has to be changed. */
  readonly bytes: Buffer | undefined;
  readonly contentType: string | undefined;
  /** The body, when it is JSON. */
  readonly json?: JsonObject;
  /** The body, when it is a form: audio routes. */
  readonly form?: FormData;
}

/**
 * Reads a request for a route. `model` is the one the path names, when it names one.
 * @throws LaminaError `REQUEST_INVALID` with the field that is at fault, `BODY_TOO_LARGE`, `ABORTED`
 */
export async function readIncoming(request: IncomingMessage, route: string, limit: number, model?: string): Promise<Incoming> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') throw invalid(`The body is compressed (${encoding}); send it as it is.`);
  const bytes = await readBody(request, limit);
  const contentType = request.headers['content-type'];
  if (contentType?.startsWith('multipart/form-data') === true) return readForm(bytes, contentType);
  return readJson(bytes, route, model);
}

/** A request without a body; the query names the model. @throws LaminaError `REQUEST_INVALID` */
export function readQuery(query: string): Incoming {
  return { model: modelName(new URLSearchParams(query).get('model') ?? undefined), bytes: undefined, contentType: undefined };
}

function readJson(bytes: Buffer, route: string, model: string | undefined): Incoming {
  const json = parseObject(bytes);
  const name = model ?? modelName(json['model']);
  for (const names of inferenceRoutes[route] ?? []) {
    if (!names.some((field) => json[field] !== undefined && json[field] !== null)) throw invalid(`The field "${names[0]}" is missing.`, names[0]);
  }
  if (json['messages'] !== undefined && !Array.isArray(json['messages'])) throw invalid('The field "messages" must be a list of messages.', 'messages');
  const contentType = 'application/json';
  if (json['model'] === name) return { model: name, json, bytes, contentType };
  const named = { ...json, model: name };
  return { model: name, json: named, bytes: Buffer.from(JSON.stringify(named)), contentType };
}

async function readForm(bytes: Buffer, contentType: string): Promise<Incoming> {
  const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData().catch((error: unknown) => {
    throw invalid(`The body is not a form: ${reasonOf(error)}.`);
  });
  return { model: modelName(form.get('model') ?? undefined), bytes, contentType, form };
}

/** @throws LaminaError `REQUEST_INVALID` when it is not a JSON object */
export function parseObject(bytes: Buffer): JsonObject {
  if (bytes.length === 0) throw invalid('The request has no body; send a JSON object that names a model.');
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (error) {
    throw invalid(`The body is not JSON: ${reasonOf(error)}.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('The body must be a JSON object.');
  return value as JsonObject;
}

function modelName(value: unknown): string {
  if (value === undefined || value === null || value === '') throw invalid('The field "model" is missing; GET /v1/models lists the names.', 'model');
  if (typeof value !== 'string') throw invalid('The field "model" must be the name of a model.', 'model');
  return value;
}

function invalid(message: string, param?: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', param === undefined ? { message } : { message, param });
}
