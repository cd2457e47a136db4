// The frames that clients send on the WebSocket: JSON, snake_case, one object per frame.
import type { Scope } from './caller.js';
import { slotStateSchema } from './events.js';
import { modelDetailSchema, modelsViewSchema, modelViewSchema, suggestionViewSchema } from './model-views.js';
import { engineLogViewSchema } from './log-view.js';
import { psViewSchema } from './ps-view.js';
import { downloadRequestSchema, suggestRequestSchema } from './requests.js';
import type { DocumentOf, Schema } from './schema.js';
import { downloadsViewSchema, downloadViewSchema, searchViewSchema } from './views.js';

export {
  serverFrameSchemas,
  subprotocol,
  type ChatCompletionChunk,
  type ServerFrame,
  type ServerFrameType,
  type Usage,
} from './server-frames.js';

const string = { type: 'string' } as const;
const id = { type: 'string', minLength: 1, maxLength: 128 } as const;
const name = { type: 'string', minLength: 1, maxLength: 1024 } as const;
const object = { type: 'object' } as const;

/**
 * The frames that clients send: type → description and schema. The client chooses `id`: it identifies the chat, the
 * subscription or the call that the frame starts, and can be used again when that has ended.
 */
export const clientFrameSchemas = {
  'chat.start': {
    description:
      'Starts a chat. `request` is the body of POST /v1/chat/completions, with any parameter that the engine knows; numbers that JavaScript cannot represent, such as 2^53 + 1, are rounded. The answer is always streamed and always includes usage. With `keep`, the chat also continues, for the resume timeout, when the client closes the connection itself, as a page does that is reloaded. The server sends `chat.accepted`, and finally one `chat.done` or `chat.error`.',
    type: 'object',
    properties: {
      type: { const: 'chat.start' },
      id,
      request: {
        type: 'object',
        properties: { model: name, messages: { type: 'array', items: object, minItems: 1 } },
        required: ['model', 'messages'],
        additionalProperties: true,
      },
      keep: { type: 'boolean' },
    },
    required: ['type', 'id', 'request'],
    additionalProperties: false,
  },
  'chat.cancel': {
    description:
      'Cancels the chat `id`, which ends with `chat.error` and the code ABORTED. Has no effect, and no reply, when the chat has already ended.',
    type: 'object',
    properties: { type: { const: 'chat.cancel' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  'chat.resume': {
    description:
      'Continues the chat that was accepted as `chat` under the new id `id`, also on another connection. The server sends `chat.accepted`, every chunk after number `after`, then those to come, and finally one `chat.done` or `chat.error`. A connection that had the chat before gets `chat.error`. A chat continues for 30 s after its connection was lost, and can be resumed for 30 s after its end, by clients with the same API key only; without API keys, `chat` is the secret. A client that closes the connection itself (code 1000, 1001 or none) ends its chats, except those that were started with `keep`. Errors: CHAT_NOT_FOUND, CHUNKS_LOST when chunks after `after` are no longer kept.',
    type: 'object',
    properties: { type: { const: 'chat.resume' }, id, chat: name, after: { type: 'integer', minimum: 0 } },
    required: ['type', 'id', 'chat', 'after'],
    additionalProperties: false,
  },
  'events.subscribe': {
    description:
      'Subscribes to events: those of `types`, or all. With `since`, the id of an event, the events after it are sent first. The server sends `reply {result: {last}}`, then an `event` for each event, until `events.unsubscribe` with the same id.',
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
    description: 'Ends the subscription `id`. The server sends `reply`.',
    type: 'object',
    properties: { type: { const: 'events.unsubscribe' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  'embeddings.create': {
    description:
      'Embeds texts. `request` is the body of POST /v1/embeddings, with any parameter that the engine knows. The server sends `reply` with a list of embeddings as OpenAI documents it, as numbers in the order of the inputs, or `error`.',
    type: 'object',
    properties: {
      type: { const: 'embeddings.create' },
      id,
      request: {
        type: 'object',
        properties: { model: name, input: { anyOf: [string, { type: 'array', items: string }] } },
        required: ['model', 'input'],
        additionalProperties: true,
      },
    },
    required: ['type', 'id', 'request'],
    additionalProperties: false,
  },
  'model.list': {
    description:
      'All models, or those that match: `state`, `format`, `q` for a part of the name or the description. The server sends `reply` with `{ models, … }`, like GET /models.',
    type: 'object',
    properties: { type: { const: 'model.list' }, id, state: slotStateSchema, format: name, q: name },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  'model.get': {
    description:
      'One model, with details. The server sends `reply` with what GET /models/{name} responds, without `server`, or `error`.',
    type: 'object',
    properties: { type: { const: 'model.get' }, id, model: name },
    required: ['type', 'id', 'model'],
    additionalProperties: false,
  },
  'model.ps': {
    description:
      'The models that run, start, sleep, wait or failed, and the memory they share. The server sends `reply` with what GET /ps responds.',
    type: 'object',
    properties: { type: { const: 'model.ps' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  'model.logs': {
    description:
      'What the engine of a model printed, like GET /models/{name}/logs: the last `limit` lines, or with `after` those after that number. The server sends `reply` with `{ lines }`. With `follow`, it sends each line, also new ones, as `part`, until the call is cancelled or the model is removed.',
    type: 'object',
    properties: {
      type: { const: 'model.logs' },
      id,
      model: name,
      after: { type: 'integer', minimum: 0 },
      limit: { type: 'integer', minimum: 0 },
      follow: { type: 'boolean' },
    },
    required: ['type', 'id', 'model'],
    additionalProperties: false,
  },
  'model.suggest': {
    description:
      'Suggests a model. `request` is the body of POST /suggest. The server sends `reply` with the suggestion, or `error`.',
    type: 'object',
    properties: { type: { const: 'model.suggest' }, id, request: suggestRequestSchema },
    required: ['type', 'id', 'request'],
    additionalProperties: false,
  },
  'model.search': {
    description:
      'Searches the sources that can, or `source`, like GET /search; `limit` is the maximum number of results of each, 1 to 100, default 20. The server sends `reply` with `{ models, failed }`, or `error`.',
    type: 'object',
    properties: {
      type: { const: 'model.search' },
      id,
      q: name,
      source: name,
      limit: { type: 'integer', minimum: 1, maximum: 100 },
    },
    required: ['type', 'id', 'q'],
    additionalProperties: false,
  },
  'model.start': {
    description:
      'Starts a model and keeps it running, like POST /models/{name}/start. The server sends `reply` when the model is ready, or `error`.',
    type: 'object',
    properties: { type: { const: 'model.start' }, id, model: name },
    required: ['type', 'id', 'model'],
    additionalProperties: false,
  },
  'model.stop': {
    description:
      'Stops a model, like POST /models/{name}/stop. The server sends `reply` when the model has stopped, or `error`.',
    type: 'object',
    properties: { type: { const: 'model.stop' }, id, model: name },
    required: ['type', 'id', 'model'],
    additionalProperties: false,
  },
  'download.start': {
    description:
      'Starts a download, like POST /download; `request` is `{ model, source? }` or `{ reference, source?, name? }`. The server sends `reply` with the download, which continues when the connection ends, or `error`.',
    type: 'object',
    properties: { type: { const: 'download.start' }, id, request: downloadRequestSchema },
    required: ['type', 'id', 'request'],
    additionalProperties: false,
  },
  'download.list': {
    description: 'All downloads. The server sends `reply` with `{ downloads }`, like GET /downloads.',
    type: 'object',
    properties: { type: { const: 'download.list' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  'download.pause': {
    description:
      'Pauses the download with the id `download` and keeps its bytes. The server sends `reply` with the download, or `error`.',
    type: 'object',
    properties: { type: { const: 'download.pause' }, id, download: name },
    required: ['type', 'id', 'download'],
    additionalProperties: false,
  },
  'download.resume': {
    description:
      'Resumes the paused or failed download with the id `download`. The server sends `reply` with the download, or `error`.',
    type: 'object',
    properties: { type: { const: 'download.resume' }, id, download: name },
    required: ['type', 'id', 'download'],
    additionalProperties: false,
  },
  'download.cancel': {
    description:
      'Cancels the download with the id `download` and deletes its bytes. The server sends `reply` with the download, or `error`.',
    type: 'object',
    properties: { type: { const: 'download.cancel' }, id, download: name },
    required: ['type', 'id', 'download'],
    additionalProperties: false,
  },
  'call.cancel': {
    description:
      'Gives up the call `id`, that is every frame whose reply is `reply`; it ends with `error` and the code ABORTED. What a call started goes on if others need it: a model that loads, a download. Has no effect, and no reply, when the call has already ended.',
    type: 'object',
    properties: { type: { const: 'call.cancel' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
  ping: {
    description: 'Checks the connection. The server sends `pong`.',
    type: 'object',
    properties: { type: { const: 'ping' }, id },
    required: ['type', 'id'],
    additionalProperties: false,
  },
} as const satisfies Record<string, Schema>;

/** The scope that the key of a client needs for a frame; `any`: every valid key may send it. */
export const clientFrameScopes: { readonly [Type in ClientFrameType]: Scope | 'any' } = {
  'chat.start': 'inference',
  'chat.cancel': 'inference',
  'chat.resume': 'inference',
  'events.subscribe': 'any',
  'events.unsubscribe': 'any',
  'embeddings.create': 'inference',
  'model.list': 'any',
  'model.get': 'any',
  'model.ps': 'any',
  'model.logs': 'manage',
  'model.suggest': 'any',
  'model.search': 'manage',
  'model.start': 'manage',
  'model.stop': 'manage',
  'download.start': 'manage',
  'download.list': 'any',
  'download.pause': 'manage',
  'download.resume': 'manage',
  'download.cancel': 'manage',
  'call.cancel': 'any',
  ping: 'any',
};

/** The schema of `result` in the `reply` to a frame, for frames whose reply is a document. */
export const replySchemas = {
  'model.list': modelsViewSchema,
  'model.get': modelDetailSchema,
  'model.ps': psViewSchema,
  'model.logs': engineLogViewSchema,
  'model.suggest': suggestionViewSchema,
  'model.search': searchViewSchema,
  'model.start': modelViewSchema,
  'model.stop': modelViewSchema,
  'download.start': downloadViewSchema,
  'download.list': downloadsViewSchema,
  'download.pause': downloadViewSchema,
  'download.resume': downloadViewSchema,
  'download.cancel': downloadViewSchema,
} as const satisfies { readonly [Type in ClientFrameType]?: Schema };

/** A frame type that clients send. */
export type ClientFrameType = keyof typeof clientFrameSchemas;

/** A frame that a client sends. */
export type ClientFrame<Type extends ClientFrameType = ClientFrameType> = {
  [T in Type]: DocumentOf<(typeof clientFrameSchemas)[T]>;
}[Type];
