// The body of POST /v1/responses, as far as it is read. Clients send further fields, which are ignored.
import type { FromSchema } from '@lamina/core/plugin';

const text = { type: ['string', 'null'] } as const;
const number = { type: ['number', 'null'] } as const;
const flag = { type: ['boolean', 'null'] } as const;
const object = { type: ['object', 'null'], additionalProperties: true } as const;

/** The schema of the body. What depends on the type of an item or a tool is checked where it is read. */
export const bodySchema = {
  type: 'object',
  properties: {
    model: { type: 'string', minLength: 1, description: 'The name or alias of a model.' },
    input: {
      anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'object' } }],
      description: 'A text, or the items of the conversation.',
    },
    instructions: { ...text, description: 'A system message before the input.' },
    stream: flag,
    tools: {
      type: ['array', 'null'],
      items: { type: 'object' },
      description: 'Only functions are offered to the model.',
    },
    tool_choice: { type: ['string', 'object', 'null'] },
    parallel_tool_calls: flag,
    text: { ...object, description: '`format` is `text`, `json_object` or `json_schema`.' },
    reasoning: { ...object, description: '`effort` is passed on to the engine.' },
    max_output_tokens: { type: ['integer', 'null'], minimum: 1 },
    temperature: number,
    top_p: number,
    metadata: object,
    store: { ...flag, description: 'With `false`, no item can be referred to later.' },
    previous_response_id: { ...text, description: 'Not supported: responses are not stored.' },
    background: { ...flag, description: 'Not supported.' },
  },
  required: ['model'],
} as const;

/** What a client asks for. */
export type ResponsesBody = FromSchema<typeof bodySchema> & Readonly<Record<string, unknown>>;
