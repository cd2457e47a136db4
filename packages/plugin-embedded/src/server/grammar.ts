// Makes the grammar of a response from the requested format.
import type { Grammar, Llama } from './binding.js';
import { RequestError } from './errors.js';
import { grammarSchema } from './json-schema.js';
import type { ChatRequest } from './requests.js';

/** The grammar of `response_format`; `undefined` for text. @throws RequestError when it is not supported */
export async function grammarFor({ response_format: format }: ChatRequest, llama: Llama): Promise<Grammar | undefined> {
  if (format === undefined || format.type === 'text') return undefined;
  // llama-server takes a schema beside `json_object` too.
  const schema = format.json_schema?.schema ?? format.schema;
  if (schema === undefined && format.type === 'json_schema')
    throw new RequestError(400, 'A response_format of the type "json_schema" needs a "json_schema" with a "schema".', {
      param: 'response_format',
    });
  return schema === undefined ? llama.getGrammarFor('json') : llama.createGrammarForJsonSchema(grammarSchema(schema));
}
