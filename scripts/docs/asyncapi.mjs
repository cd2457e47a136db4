// Generates docs/asyncapi.json, an AsyncAPI 3 document of the WebSocket and the event stream, from their schemas.
import { clientFrameSchemas, eventSchemas, serverFrameSchemas, subprotocol } from '@lamina/core/protocol';

export function asyncApi() {
  const messages = {
    ...messagesOf('client', clientFrameSchemas),
    ...messagesOf('server', serverFrameSchemas),
    ...messagesOf('event', eventsWithHead()),
  };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Lamina',
      version: subprotocol,
      description:
        'Chats, calls and events over a WebSocket; events as server-sent events. Generated from the schemas of @lamina/core/protocol by `npm run docs`.',
    },
    channels: {
      socket: {
        address: '/ws',
        description: `A WebSocket with the subprotocol ${subprotocol}. Each text message is one JSON object.`,
        messages: referencesTo(messages, ['client', 'server']),
      },
      events: {
        address: '/events',
        description:
          'Server-sent events over HTTP GET. `?types=` is a comma-separated list of types; with the header Last-Event-ID, missed events are sent first.',
        messages: referencesTo(messages, ['event']),
      },
    },
    operations: {
      receiveFrames: operation('receive', 'socket', messages, 'client'),
      sendFrames: operation('send', 'socket', messages, 'server'),
      sendEvents: operation('send', 'events', messages, 'event'),
    },
    components: { messages },
  };
}

/** Message names without dots, which not all tools resolve in references: `chat.start` of a client is `client_chat_start`. */
function messagesOf(side, schemas) {
  return Object.fromEntries(
    Object.entries(schemas).map(([type, { description, ...payload }]) => [
      `${side}_${type.replace('.', '_')}`,
      { name: type, summary: description, payload },
    ]),
  );
}

function eventsWithHead() {
  const head = { id: { type: 'string' }, at: { type: 'string', format: 'date-time' } };
  const withHead = ([type, schema]) => [
    type,
    {
      ...schema,
      properties: { ...head, type: { const: type }, ...schema.properties },
      required: ['id', 'at', 'type', ...schema.required],
    },
  ];
  return Object.fromEntries(Object.entries(eventSchemas).map(withHead));
}

function namesOn(messages, sides) {
  return Object.keys(messages).filter((name) => sides.some((side) => name.startsWith(`${side}_`)));
}

function referencesTo(messages, sides) {
  return Object.fromEntries(namesOn(messages, sides).map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function operation(action, channel, messages, side) {
  return {
    action,
    channel: { $ref: `#/channels/${channel}` },
    messages: namesOn(messages, [side]).map((name) => ({ $ref: `#/channels/${channel}/messages/${name}` })),
  };
}
