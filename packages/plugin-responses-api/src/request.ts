// A request as a chat completion.
import { isMapping, type ChatRequest } from '@lamina/core/plugin';
import type { ResponsesBody } from './body.js';
import { invalid } from './errors.js';
import { readMessages, type FindItem } from './input.js';
import { readTools } from './tools.js';

/** Fields that need stored responses or prompts → the code of the error, and what to do instead. */
const stored: readonly (readonly [string, string, string])[] = [
  ['previous_response_id', 'previous_response_not_found', 'Send the whole conversation in "input".'],
  ['conversation', 'unsupported_parameter', 'Send the whole conversation in "input".'],
  ['prompt', 'unsupported_parameter', 'Send the text of the prompt in "instructions" or "input".'],
];

/**
 * The chat that a request asks for.
 * @throws LaminaError `REQUEST_INVALID` with the field as `param`
 */
export function readRequest(body: ResponsesBody, find: FindItem): ChatRequest {
  for (const [param, code, advice] of stored)
    if (body[param] !== undefined && body[param] !== null)
      throw invalid(`"${param}" is not supported, because this server stores no responses. ${advice}`, param, code);
  if (body.background === true)
    throw invalid(
      '"background" is not supported, because this server stores no responses. Use "stream" instead.',
      'background',
      'unsupported_parameter',
    );
  const { model, max_output_tokens, temperature, top_p, text, reasoning } = body;
  const optional = {
    max_tokens: max_output_tokens,
    temperature,
    top_p,
    reasoning_effort: reasoning?.['effort'],
    response_format: readFormat(text?.['format'] ?? { type: 'text' }),
  };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined && value !== null);
  return { model, messages: readMessages(body, find), ...readTools(body), ...Object.fromEntries(given) };
}

function readFormat(format: unknown): object | undefined {
  const { type, name, schema, strict, description } = isMapping(format) ? format : {};
  if (type === 'text') return undefined;
  if (type === 'json_object') return { type };
  if (type === 'json_schema' && isMapping(schema)) return { type, json_schema: { name, schema, strict, description } };
  throw invalid('"text.format" must have the type text, json_object, or json_schema with a "schema".', 'text.format');
}
