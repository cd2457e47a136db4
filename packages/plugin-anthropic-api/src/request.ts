// The body of a request: what the schema of the routes checks, and its types.
import type { Schema } from '@lamina/core/plugin';

const text = { type: 'string' } as const;
const optionalObject = { type: ['object', 'null'] } as const;

const blocks = {
  type: 'array',
  items: { type: 'object', properties: { type: text }, required: ['type'] },
} as const;
const content = { anyOf: [text, blocks] } as const;

/** Checked for both routes. What is in a block depends on its type, and is checked where it is translated. */
export const requestSchema = {
  type: 'object',
  properties: {
    model: { ...text, minLength: 1, description: 'The name or alias of a model.' },
    messages: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        properties: { role: { enum: ['user', 'assistant', 'system'] }, content },
        required: ['role', 'content'],
      },
    },
    system: { anyOf: [text, blocks, { type: 'null' }] },
    stream: { type: ['boolean', 'null'] },
    max_tokens: { type: ['integer', 'null'], minimum: 1 },
    stop_sequences: { type: ['array', 'null'], items: text },
    tools: { type: ['array', 'null'], items: { type: 'object' } },
    tool_choice: optionalObject,
    thinking: optionalObject,
    output_config: optionalObject,
  },
  required: ['model', 'messages'],
} as const satisfies Schema;

/** A block of content. */
export interface Block {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** A text, or blocks. */
export type Content = string | readonly Block[];

/** A message. Coding agents send the role `system` for models whose name they do not know. */
export interface Message {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: Content;
}

/** A tool of the client, or one that Anthropic's server would run: that has a `type` such as `web_search_20250305`. */
export interface Tool {
  readonly type?: string | null;
  readonly name?: string;
  readonly description?: string;
  readonly input_schema?: object;
}

/** The body, as far as it is read. All other fields are ignored. */
export interface MessagesRequest {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly system?: Content | null;
  readonly stream?: boolean | null;
  readonly max_tokens?: number | null;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly top_k?: number | null;
  readonly stop_sequences?: readonly string[] | null;
  readonly tools?: readonly Tool[] | null;
  readonly tool_choice?: {
    readonly type?: string;
    readonly name?: string;
    readonly disable_parallel_tool_use?: boolean;
  } | null;
  readonly thinking?: { readonly type?: string } | null;
  readonly output_config?: {
    readonly effort?: string | null;
    readonly format?: { readonly type?: string; readonly schema?: object } | null;
  } | null;
}
