// Adapts requests to MLC-LLM where it differs from OpenAI.
import type { JsonObject } from '@lamina/core/plugin';

/**
 * `user` is removed: MLC-LLM uses it as the id of the request, and requests with the same id interfere.
 * `max_completion_tokens` becomes `max_tokens`, the only name it knows, and a JSON schema is converted to its form.
 */
export function adaptRequest({ user: _user, max_completion_tokens: limit, ...body }: JsonObject): JsonObject {
  return {
    ...body,
    ...(limit === undefined || body['max_tokens'] !== undefined ? {} : { max_tokens: limit }),
    ...(body['response_format'] === undefined ? {} : { response_format: formatOf(body['response_format']) }),
  };
}

/** OpenAI's `json_schema` as MLC-LLM's `json_object` with the schema as text; anything else as it is. */
function formatOf(format: JsonObject[string]): JsonObject[string] {
  const { type, json_schema } = format as { type?: unknown; json_schema?: { schema?: unknown } };
  if (type !== 'json_schema' || json_schema?.schema === undefined) return format;
  return { type: 'json_object', schema: JSON.stringify(json_schema.schema) };
}
