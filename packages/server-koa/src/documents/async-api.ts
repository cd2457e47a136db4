// Writes the AsyncAPI document of the WebSocket and the event stream, from the schemas that validate their frames.
import type { JsonObject, Schema, Scope } from '@lamina/core';
import {
  clientFrameSchemas,
  clientFrameScopes,
  eventSchemas,
  replySchemas,
  serverFrameSchemas,
  subprotocol,
  type ClientFrameType,
} from '@lamina/core/protocol';
import { SchemaComponents } from './schema-components.js';

/** What the document says of a frame that a plugin contributes. */
export interface DocumentedFrame {
  readonly schema: Schema;
  readonly scope: Scope | 'any';
}

/** Who sends a message, and where: a frame of a client or of the server, or an event. */
type Side = 'client' | 'server' | 'event';

type Messages = Readonly<Record<string, JsonObject>>;

/**
 * The AsyncAPI 3 document of a server; `frames` are those that plugins contribute, `prefix` is the path under which
 * `/events` is served, `socketPath` that of the WebSocket.
 */
export function asyncApi({
  frames = new Map<string, DocumentedFrame>(),
  prefix = '',
  socketPath = '/ws',
} = {}): JsonObject {
  const components = new SchemaComponents();
  const own = Object.entries(clientFrameSchemas).map(([type, schema]) => {
    const reply = (replySchemas as { readonly [type: string]: Schema })[type];
    const scope = clientFrameScopes[type as ClientFrameType];
    return [
      type,
      schema,
      { 'x-scope': scope, ...(reply === undefined ? {} : { 'x-reply': components.refer(reply) }) },
    ] as const;
  });
  const contributed = [...frames].map(([type, { schema, scope }]) => [type, schema, { 'x-scope': scope }] as const);
  const messages = (side: Side, schemas: Parameters<typeof messagesOf>[1]) => messagesOf(side, schemas, components);
  const sides = {
    client: messages('client', [...own, ...contributed]),
    server: messages('server', Object.entries(serverFrameSchemas)),
    event: messages(
      'event',
      Object.entries(eventSchemas).map(([type, schema]) => [type, withHead(type, schema)]),
    ),
  };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Lamina',
      version: subprotocol,
      description:
        'Chats, calls and events over a WebSocket; events as server-sent events. Of a frame, `x-scope` is the scope that the key of its client needs, `any` for every valid key; `x-reply` is the schema of `result` in its `reply`.',
    },
    channels: {
      socket: {
        address: socketPath,
        description: `A WebSocket with the subprotocol ${subprotocol}. Each text message is one JSON object.`,
        messages: { ...referencesTo(sides.client), ...referencesTo(sides.server) },
      },
      events: {
        address: `${prefix}/events`,
        description:
          'Server-sent events over HTTP GET. `?types=` is a comma-separated list of types; with the header Last-Event-ID, missed events are sent first.',
        messages: referencesTo(sides.event),
      },
    },
    operations: {
      receiveFrames: operation('receive', 'socket', sides.client),
      sendFrames: operation('send', 'socket', sides.server),
      sendEvents: operation('send', 'events', sides.event),
    },
    components: { messages: { ...sides.client, ...sides.server, ...sides.event }, schemas: components.schemas },
  };
}

/** Message names without dots, which not all tools resolve in references: `chat.start` of a client is `client_chat_start`. */
function messagesOf(
  side: Side,
  schemas: readonly (readonly [type: string, schema: Schema, more?: object])[],
  components: SchemaComponents,
): Messages {
  return Object.fromEntries(
    schemas.map(([type, { description, ...payload }, more]) => [
      `${side}_${type.replaceAll('.', '_')}`,
      {
        name: type,
        ...(typeof description === 'string' ? { summary: description } : {}),
        payload: components.refer(payload),
        ...more,
      } as JsonObject,
    ]),
  );
}

/** The schema of an event with the fields that all events have. */
function withHead(type: string, schema: (typeof eventSchemas)[keyof typeof eventSchemas]): Schema {
  const head = { id: { type: 'string' }, at: { type: 'string', format: 'date-time' }, type: { const: type } };
  return {
    ...schema,
    properties: { ...head, ...schema.properties },
    required: ['id', 'at', 'type', ...schema.required],
  };
}

function referencesTo(messages: Messages): JsonObject {
  return Object.fromEntries(Object.keys(messages).map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function operation(action: 'receive' | 'send', channel: string, messages: Messages): JsonObject {
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    messages: Object.keys(messages).map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
  };
}
