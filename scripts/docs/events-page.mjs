// docs/events.md, from the schemas of the events.
import { eventSchemas } from '@lamina/core/protocol';
import { madeFrom, notYet, page, table } from './markdown.mjs';
import { reserved } from './reserved.mjs';

export function eventsPage() {
  const rows = Object.entries(eventSchemas).map(([type, schema]) => [
    `\`${type}\``,
    `${schema.description}${notYet(reserved.events[type])}`,
    fieldsOf(schema),
  ]);
  return page(
    '# Events',
    madeFrom('`eventSchemas` in packages/core/src/contract/events.ts'),
    'What happens in Lamina is told to whoever listens: in process with `lamina.events.on(type, listener)`, over the WebSocket with a frame `events.subscribe`, and as server-sent events from `GET /events`. Only core emits. Every event is JSON and has, besides its own fields, `id` (`<session>-<number>`, growing by one), `at` (ISO 8601) and `type`:',
    '```json\n{ "id": "5f3c9a1e-17", "at": "2026-01-02T03:04:05.678Z", "type": "model.state", "model": "llama", "from": "starting", "to": "ready" }\n```',
    'Progress of one subject is told at most ten times a second. The newest events are kept, so that a listener that was away can ask for those after an `id`; progress, log lines and places in the queue are not kept.',
    table(['type', 'when', 'fields'], rows),
    '`error` is an error as it is [on the wire](errors.md).',
  );
}

function fieldsOf({ properties, required }) {
  return Object.entries(properties)
    .map(([name, schema]) => `\`${name}\`${required.includes(name) ? '' : ' (optional)'}: ${typeOf(schema)}`)
    .join('; ');
}

function typeOf({ type, enum: values, items }) {
  if (values !== undefined) return `one of ${values.map((value) => `\`${value}\``).join(', ')}`;
  return type === 'array' ? `list of ${items.type}s` : type;
}
