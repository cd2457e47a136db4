// Reads the errors of engines into Lamina's error shape, and removes keys and addresses from them.
import type { Endpoint } from '../contract/backends.js';
import { wireType, type WireError } from '../contract/errors.js';
import type { Json, JsonObject } from '../contract/schema.js';
import { isMapping, parseJson } from '../kernel/json.js';

/**
 * Reads an engine's answer that is not a success: `{ error: { message, type, code } }` as llama.cpp and vLLM send it,
 * vLLM's older flat form, an `error` that is a string, and FastAPI's `detail`. Anything else is quoted. A backend reads
 * other forms in its `adapt.error`.
 */
export function readEngineError(status: number, body: Buffer): WireError {
  const text = body.toString();
  const json = parseJson(text) as Json | undefined;
  const message =
    messageOf(json) ?? (text.trim().slice(0, 500) || `The engine answered with status ${status} and no body.`);
  const fields = fieldsOf(json);
  const details = detailsOf(fields, status);
  return {
    message,
    type: wireType(status),
    code: codeOf(fields),
    ...(typeof fields['param'] === 'string' ? { param: fields['param'] } : {}),
    ...(Object.keys(details).length > 0 ? { details } : {}),
  };
}

function isObject(value: unknown): value is JsonObject {
  return isMapping(value);
}

function fieldsOf(json: Json | undefined): JsonObject {
  if (!isObject(json)) return {};
  return isObject(json['error']) ? json['error'] : json;
}

function messageOf(json: Json | undefined): string | undefined {
  if (typeof json === 'string') return json;
  const { message, detail, error } = { error: undefined, ...fieldsOf(json) } as Record<string, Json | undefined>;
  for (const text of [message, error, detail]) if (typeof text === 'string' && text !== '') return text;
  return Array.isArray(detail) ? detail.map(validationOf).join('; ') : undefined;
}

// One failed check of FastAPI: { loc: ['body', 'messages'], msg: 'field required' }.
function validationOf(check: Json): string {
  if (!isObject(check)) return JSON.stringify(check);
  const { loc, msg } = check;
  const where = Array.isArray(loc)
    ? loc
        .filter((part) => part !== 'body')
        .map(String)
        .join('.')
    : '';
  return [where, msg].filter((part): part is string => typeof part === 'string' && part !== '').join(': ');
}

// The engine's own error code, such as llama.cpp's `exceed_context_size_error`.
function codeOf({ code, type }: JsonObject): string {
  if (typeof code === 'string') return code;
  return typeof type === 'string' ? type : 'engine_error';
}

// All other fields, such as llama.cpp's n_ctx, and those in `details`, where Lamina has them. A numeric code is one of
// them, unless it repeats the status.
function detailsOf(fields: JsonObject, status: number): Record<string, unknown> {
  const {
    message: _message,
    type: _type,
    param: _param,
    error: _error,
    detail,
    details,
    object: _object,
    code,
    ...rest
  } = fields;
  return {
    ...rest,
    ...(isObject(details) ? details : {}),
    ...(typeof code === 'number' && code !== status ? { engine_code: code } : {}),
    ...(typeof detail === 'object' && detail !== null ? { detail } : {}),
  };
}

const placeholder = '[redacted]';

/** A shorter header value is not a secret, and may be any word of a sentence. */
const minSecretLength = 8;

/** The error without the endpoint's keys and address: they must not reach a client. */
export function redactError(error: WireError, endpoint: Endpoint): WireError {
  return redactValue(error, patternFor(endpoint)) as WireError;
}

/** As {@link redactError}, for a text. */
export function redactText(text: string, endpoint: Endpoint): string {
  return text.replace(patternFor(endpoint), placeholder);
}

function redactValue(value: unknown, pattern: RegExp): unknown {
  if (typeof value === 'string') return value.replace(pattern, placeholder);
  if (Array.isArray(value)) return value.map((item) => redactValue(item, pattern));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redactValue(item, pattern)]));
}

function patternFor({ baseUrl, headers = {}, socketPath }: Endpoint): RegExp {
  const { host, hostname, origin, port } = new URL(baseUrl);
  const secrets = Object.values(headers)
    .flatMap((value) => [value, value.replace(/^\w+ /, '')])
    .filter((value) => value.length >= minSecretLength);
  // A host name of one word, as in a container network, is redacted only with its port: alone it may be any word.
  const addresses = [baseUrl, origin, host, /[.:]/.test(hostname) ? hostname : [], socketPath ?? []].flat();
  const literal = [...secrets, ...addresses].sort((a, b) => b.length - a.length).map(escape);
  // The address that the host name resolved to, or the name that the engine gives itself.
  const anyHost = String.raw`(?:localhost|\d+\.\d+\.\d+\.\d+|\[[\da-f:.]+\]|::[\da-f:.]*?)`;
  const byPort = port === '' ? [] : [`${anyHost}:${port}(?!\\d)`];
  return new RegExp([...literal, ...byPort].join('|'), 'gi');
}

// RegExp.escape is not in Node 20.
function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
