// Brings what engines say when they refuse into the one shape of errors.
import { wireType, type Json, type JsonObject, type WireError } from '@lamina/core';

/**
 * Reads an engine's answer that is not a success. Known are llama.cpp's and vLLM's `{ error: { message, type, code }
 * }`, vLLM's older flat form, an `error` that is a string, and FastAPI's `detail`; anything else is quoted. What is an
 * engine's own way, its `adapt` reads.
 */
export function readEngineError(status: number, body: Buffer): WireError {
  const text = body.toString();
  const said = parse(text);
  const message =
    messageOf(said) ?? (text.trim().slice(0, 500) || `The engine answered with status ${status} and no body.`);
  const fields = fieldsOf(said);
  const details = detailsOf(fields, status);
  return {
    message,
    type: wireType(status),
    code: codeOf(fields),
    ...(typeof fields['param'] === 'string' ? { param: fields['param'] } : {}),
    ...(Object.keys(details).length > 0 ? { details } : {}),
  };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldsOf(said: Json | undefined): JsonObject {
  if (!isObject(said)) return {};
  return isObject(said['error']) ? said['error'] : said;
}

function messageOf(said: Json | undefined): string | undefined {
  if (typeof said === 'string') return said;
  const { message, detail, error } = { error: undefined, ...fieldsOf(said) } as Record<string, Json | undefined>;
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

// The engine's own word for what went wrong, such as llama.cpp's `exceed_context_size_error`.
function codeOf({ code, type }: JsonObject): string {
  if (typeof code === 'string') return code;
  return typeof type === 'string' ? type : 'engine_error';
}

// What else the engine said, such as llama.cpp's n_ctx; a code that is a number goes here too, unless it only repeats
// the status.
function detailsOf(fields: JsonObject, status: number): Record<string, unknown> {
  const {
    message: _message,
    type: _type,
    param: _param,
    error: _error,
    detail,
    object: _object,
    code,
    ...rest
  } = fields;
  return {
    ...rest,
    ...(typeof code === 'number' && code !== status ? { engine_code: code } : {}),
    ...(typeof detail === 'object' && detail !== null ? { detail } : {}),
  };
}
