// The frames of the WebSocket: what a client may send and what it is sent. JSON, snake_case, one object a frame.
import { errorSchema } from './events.js';
import type { FromSchema, Schema } from './schema.js';

/** The subprotocol a client asks for; the number changes when old clients would no longer understand. */
export const subprotocol = 'lamina.v1';

const string = { type: 'string' } as const;
const position = { type: 'integer', minimum: 1 } as const;
const id = { type: 'string', minLength: 1, maxLength: 128 } as const;
const name = { type: 'string', minLength: 1, maxLength: 1024 } as const;
const object = { type: 'object' } as const;

/**
 * Type of frame → what it asks for and its schema, for what clients send. The client chooses `id`: it names the chat,
 * the subscription or the call that the frame begins, and is free again once that has ended.
 */
export const clientFrameSchemas = {
  'chat.start': {
    description:
      'Begins a chat. `request` is the body of POST /v1/chat/completions; it is always streamed, and its usage always counted. Answered by `chat.accepted`, and in the end by one `chat.done` or `chat.error`.',
    type: 'object',
    properties: {
      type: { const: 'chat.start' },
      id,
      request: {
        type: 'object',
        properties: { model: name, messages: { type: 'array', items: object } },
        required: ['model', 'messages'],
      },
    },
    required: ['type', 'id', 'request'],
    additionalProperties: false,
  },
  'chat.cancel': {
    description:
      'Ends the chat `id` now; it ends with `chat.error` of code ABORTED. A chat that has ended meanwhile is left as it is, without an answer.',
    type: 'object',
    properties: { type: { const: 'chat.cancel' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  'chat.resume': {
    description:
      'Goes on with the chat that was accepted as `chat`, after the chunk with the number `after`. Answered with NOT_SUPPORTED for now.',
    type: 'object',
    properties: { type: { const: 'chat.resume' }, id, chat: name, after: { type: 'integer', minimum: 0 } },
    required: ['type', 'id', 'chat', 'after'],
    additionalProperties: false,
  },
  'events.subscribe': {
    description:
      'Asks for events: those of `types`, or all. With `since`, the id of an event, those that came after it are sent first. Answered by `reply {result: {last}}`, then by an `event` each, until `events.unsubscribe` with the same id.',
    type: 'object',
    properties: {
      type: { const: 'events.subscribe' },
      id,
      types: { type: 'array', items: string, maxItems: 100 },
      since: name,
    },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  'events.unsubscribe': {
    description: 'Ends the subscription `id`. Answered by `reply`.',
    type: 'object',
    properties: { type: { const: 'events.unsubscribe' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  'model.start': {
    description:
      'Starts a model and keeps it, as POST /models/{name}/start. Answered by `reply` when it is ready, or by `error`.',
    type: 'object',
    properties: { type: { const: 'model.start' }, id, model: name },
    required: ['type', 'id', 'model'],
    additionalProperties: false,
  },
  'model.stop': {
    description: 'Stops a model, as POST /models/{name}/stop. Answered by `reply` when it is gone, or by `error`.',
    type: 'object',
    properties: { type: { const: 'model.stop' }, id, model: name },
    required: ['type', 'id', 'model'],
    additionalProperties: false,
  },
  'download.start': {
    description:
      'Begins a download, as POST /download; `request` is `{ model, source? }` or `{ reference, source?, name? }`. Answered by `reply` with the download, which outlives the connection, or by `error`.',
    type: 'object',
    properties: { type: { const: 'download.start' }, id, request: object },
    required: ['type', 'id', 'request'],
    additionalProperties: false,
  },
  'download.cancel': {
    description: 'Cancels the download with the id `download`. Answered by `reply` with the download, or by `error`.',
    type: 'object',
    properties: { type: { const: 'download.cancel' }, id, download: name },
    required: ['type', 'id', 'download'],
    additionalProperties: false,
  },
  ping: {
    description: 'Asks whether the server is there. Answered by `pong`.',
    type: 'object',
    properties: { type: { const: 'ping' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
} as const satisfies Record<string, Schema>;

/**
 * Type of frame → what it tells and its schema, for what the server sends. New fields may come to any of them: leave
 * those you do not know.
 */
export const serverFrameSchemas = {
  hello: {
    description:
      'The first frame of a connection. `session` is the first part of the ids of events: another one than before means that the server was started anew, and what a client knew of it is out of date.',
    type: 'object',
    properties: { type: { const: 'hello' }, protocol: { const: subprotocol }, session: string },
    required: ['type', 'protocol', 'session'],
  },
  'chat.accepted': {
    description: 'A chat begins. `chat` is a name that nobody can guess, for resuming it.',
    type: 'object',
    properties: { type: { const: 'chat.accepted' }, id, chat: string },
    required: ['type', 'id', 'chat'],
  },
  'chat.queued': {
    description: 'The chat waits; `position` 1 is next. Told again when it changes.',
    type: 'object',
    properties: { type: { const: 'chat.queued' }, id, position },
    required: ['type', 'id', 'position'],
  },
  'chat.loading': {
    description: 'The chat waits for its model, which is being loaded; `ratio` is from 0 to 1.',
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
      'A piece of the answer: `chunk` is a chat.completion.chunk as OpenAI documents it, as the engine wrote it. `seq` is 1 for the first and grows by one.',
    type: 'object',
    properties: { type: { const: 'chat.chunk' }, id, seq: position, chunk: object },
    required: ['type', 'id', 'seq', 'chunk'],
  },
  'chat.done': {
    description:
      'The answer is complete. `usage` counts tokens, as OpenAI documents it; `finish_reason` is why the engine stopped: `stop`, `length`, `tool_calls`, …',
    type: 'object',
    properties: { type: { const: 'chat.done' }, id, usage: object, finish_reason: string },
    required: ['type', 'id'],
  },
  'chat.error': {
    description: 'The chat has ended without a complete answer.',
    type: 'object',
    properties: { type: { const: 'chat.error' }, id, error: errorSchema },
    required: ['type', 'id', 'error'],
  },
  event: {
    description: 'Something happened; `id` is that of the subscription.',
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
      'Events of the subscription `id` are lost: ask anew for what you knew. Those that come after this frame are without a gap again; `oldest` is the oldest id that `since` may still name.',
    type: 'object',
    properties: { type: { const: 'reset' }, id, oldest: string },
    required: ['type', 'id', 'oldest'],
  },
  reply: {
    description: 'What a frame asked for has been done.',
    type: 'object',
    properties: { type: { const: 'reply' }, id, result: object },
    required: ['type', 'id', 'result'],
  },
  error: {
    description:
      'What a frame asked for was not done. `id` is that of the frame and is missing when the frame could not be read. It ends nothing: a chat that lives under the same id lives on.',
    type: 'object',
    properties: { type: { const: 'error' }, id, error: errorSchema },
    required: ['type', 'error'],
  },
  pong: {
    description: 'The answer to `ping`.',
    type: 'object',
    properties: { type: { const: 'pong' }, id },
    required: ['type', 'id'],
  },
} as const satisfies Record<string, Schema>;

/** A type of frame that clients send. */
export type ClientFrameType = keyof typeof clientFrameSchemas;

/** A frame that a client sends. */
export type ClientFrame<Type extends ClientFrameType = ClientFrameType> = {
  [T in Type]: FromSchema<(typeof clientFrameSchemas)[T]>;
}[Type];

/** A type of frame that the server sends. */
export type ServerFrameType = keyof typeof serverFrameSchemas;

/** A frame that the server sends. */
export type ServerFrame<Type extends ServerFrameType = ServerFrameType> = {
  [T in Type]: FromSchema<(typeof serverFrameSchemas)[T]>;
}[Type];
