// Writes the AsyncAPI document of the WebSocket and the event stream, from the schemas that validate their frames.
import type { JsonObject, Schema } from '@lamina/core';
import { eventSchemas, serverFrameSchemas, subprotocol } from '@lamina/core/protocol';
import type { FrameTable } from '../ws/frames/table.js';

/** Who sends a message, and where: a frame of a client or of the server, or an event. */
type Side = 'client' | 'server' | 'event';

type Messages = Readonly<Record<string, JsonObject>>;

/**
 * The AsyncAPI 3 document of a server that accepts these frames; `prefix` is the path under which `/events` is served,
 * `socketPath` that of the WebSocket.
 */
export function asyncApi(frames: FrameTable, { prefix = '', socketPath = '/ws' } = {}): JsonObject {
  const sides = {
    client: messagesOf(
      'client',
      [...frames].map(([type, { schema, scope }]) => [type, schema, { 'x-scope': scope }]),
    ),
    server: messagesOf('server', Object.entries(serverFrameSchemas)),
    event: messagesOf(
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
        'Chats, calls and events over a WebSocket; events as server-sent events. `x-scope` of a frame is the scope that the key of its client needs, `any` for every valid key.',
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
    components: { messages: { ...sides.client, ...sides.server, ...sides.event } },
  };
}

/** Message names without dots, which not all tools resolve in references: `chat.start` of a client is `client_chat_start`. */
function messagesOf(
  side: Side,
  schemas: readonly (readonly [type: string, schema: Schema, more?: object])[],
): Messages {
  return Object.fromEntries(
    schemas.map(([type, { description, ...payload }, more]) => [
      `${side}_${type.replaceAll('.', '_')}`,
      {
        name: type,
        ...(typeof description === 'string' ? { summary: description } : {}),
        payload,
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
