// The frames that the server sends on the WebSocket: JSON, snake_case, one object per frame.
import { errorSchema, type LaminaEvent } from './events.js';
import type { DocumentOf, Schema } from './schema.js';

/** The WebSocket subprotocol. Its number changes when old clients would no longer work. */
export const subprotocol = 'lamina.v1';

const string = { type: 'string' } as const;
const position = { type: 'integer', minimum: 1 } as const;
const id = { type: 'string', minLength: 1, maxLength: 128 } as const;
const object = { type: 'object' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const nullableText = { type: ['string', 'null'] } as const;

// What an engine sends is passed on unchecked, so only what every reader of a stream needs is required.
const usage = {
  type: 'object',
  properties: { prompt_tokens: count, completion_tokens: count, total_tokens: count },
  additionalProperties: true,
} as const;

const toolCall = {
  type: 'object',
  properties: {
    index: count,
    id: string,
    type: string,
    function: { type: 'object', properties: { name: string, arguments: string } },
  },
  additionalProperties: true,
} as const;

const chunk = {
  type: 'object',
  properties: {
    id: string,
    object: string,
    created: { type: 'integer' },
    model: string,
    choices: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          index: count,
          delta: {
            type: 'object',
            properties: {
              role: string,
              content: nullableText,
              reasoning_content: nullableText,
              tool_calls: { type: 'array', items: toolCall },
            },
            additionalProperties: true,
          },
          finish_reason: nullableText,
        },
        required: ['delta'],
        additionalProperties: true,
      },
    },
    usage: { anyOf: [usage, { type: 'null' }] },
  },
  required: ['choices'],
  additionalProperties: true,
} as const;

/**
 * The frames that the server sends: type → description and schema. New versions may add fields, so clients must ignore
 * unknown fields.
 */
export const serverFrameSchemas = {
  hello: {
    description:
      'The first frame of a connection. `session` is the first part of the ids of events: when it differs from an earlier connection, the server has been restarted, and the state that the client knows is out of date. `scopes` is what the client may do.',
    type: 'object',
    properties: {
      type: { const: 'hello' },
      protocol: { const: subprotocol },
      session: string,
      scopes: { type: 'array', items: string },
    },
    required: ['type', 'protocol', 'session', 'scopes'],
  },
  'chat.accepted': {
    description:
      'A chat has been accepted, or resumed. `chat` is the unguessable secret for `chat.resume`; `request` identifies the chat in events and in the log.',
    type: 'object',
    properties: { type: { const: 'chat.accepted' }, id, chat: string, request: string },
    required: ['type', 'id', 'chat', 'request'],
  },
  'chat.queued': {
    description: 'The chat waits in the queue; `position` 1 is next. Sent again when it changes.',
    type: 'object',
    properties: { type: { const: 'chat.queued' }, id, position },
    required: ['type', 'id', 'position'],
  },
  'chat.loading': {
    description: 'The chat waits for its model to load; `ratio` is from 0 to 1.',
    type: 'object',
    properties: {
      type: { const: 'chat.loading' },
      id,
      stage: string,
      ratio: { type: 'number', minimum: 0, maximum: 1 },
    },
    required: ['type', 'id', 'stage'],
  },
  'chat.chunk': {
    description:
      'A chunk of the answer: `chunk` is the chat.completion.chunk of the engine, as OpenAI documents it. `seq` counts the chunks from 1.',
    type: 'object',
    properties: { type: { const: 'chat.chunk' }, id, seq: position, chunk },
    required: ['type', 'id', 'seq', 'chunk'],
  },
  'chat.done': {
    description:
      'The answer is complete. `usage` has the token counts, as OpenAI documents them; `finish_reason` is why the engine stopped: `stop`, `length`, `tool_calls`, …',
    type: 'object',
    properties: { type: { const: 'chat.done' }, id, usage, finish_reason: string },
    required: ['type', 'id'],
  },
  'chat.error': {
    description: 'The chat ended without a complete response.',
    type: 'object',
    properties: { type: { const: 'chat.error' }, id, error: errorSchema },
    required: ['type', 'id', 'error'],
  },
  event: {
    description: 'An event of one of the types in docs/events.md; `id` is the id of the subscription.',
    type: 'object',
    properties: {
      type: { const: 'event' },
      id,
      event: { type: 'object', properties: { id: string, at: string, type: string }, required: ['id', 'at', 'type'] },
    },
    required: ['type', 'id', 'event'],
  },
  reset: {
    description:
      'Events of the subscription `id` were lost, so the client must read the current state again. After this frame, events are sent without gaps; `oldest` is the oldest id that `since` may have.',
    type: 'object',
    properties: { type: { const: 'reset' }, id, oldest: string },
    required: ['type', 'id', 'oldest'],
  },
  part: {
    description:
      'A part of the result of a call, before its `reply`: a line of `model.logs` with `follow`, or what a frame of a plugin sends. `seq` counts them from 1.',
    type: 'object',
    properties: { type: { const: 'part' }, id, seq: position, part: object },
    required: ['type', 'id', 'seq', 'part'],
  },
  reply: {
    description: 'The call of a frame has succeeded.',
    type: 'object',
    properties: { type: { const: 'reply' }, id, result: object },
    required: ['type', 'id', 'result'],
  },
  error: {
    description:
      'A frame has failed. `id` is the id of the frame; it is missing when the frame could not be read. A chat that is under way with the same id continues.',
    type: 'object',
    properties: { type: { const: 'error' }, id, error: errorSchema },
    required: ['type', 'error'],
  },
  pong: {
    description: 'The reply to `ping`.',
    type: 'object',
    properties: { type: { const: 'pong' }, id },
    required: ['type', 'id'],
  },
} as const satisfies Record<string, Schema>;

/** A frame type that the server sends. */
export type ServerFrameType = keyof typeof serverFrameSchemas;

/** A frame that the server sends. The `event` in a frame `event` is narrowed by its own `type`. */
export type ServerFrame<Type extends ServerFrameType = ServerFrameType> = {
  [T in Type]: T extends 'event' ? EventFrame : DocumentOf<(typeof serverFrameSchemas)[T]>;
}[Type];

// The schema of the frame has no fields of events, so that clients accept the events of newer servers.
type EventFrame = Omit<DocumentOf<(typeof serverFrameSchemas)['event']>, 'event'> & { event: LaminaEvent };

/** A chunk of a streamed chat, as OpenAI documents it and the engine wrote it; engines add fields of their own. */
export type ChatCompletionChunk = DocumentOf<typeof chunk>;

/** The token counts of a chat, as OpenAI documents them; engines add fields of their own. */
export type Usage = DocumentOf<typeof usage>;
