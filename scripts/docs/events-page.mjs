// Generates docs/events.md from the schemas of the events.
import { eventSchemas } from '@lamina/core/protocol';
import { generatedFrom, notYet, page, table } from './markdown.mjs';
import { reserved } from './reserved.mjs';

export function eventsPage() {
  const rows = Object.entries(eventSchemas).map(([type, schema]) => [
    `\`${type}\``,
    `${schema.description}${notYet(reserved.events[type])}`,
    fieldsOf(schema),
  ]);
  return page(
    '# Events',
    generatedFrom('`eventSchemas` in packages/core/src/contract/events.ts'),
    'Lamina emits events. Subscribe in process with `lamina.events.on(type, listener)`, over the WebSocket with the frame `events.subscribe`, or with `GET /events` as server-sent events. Every event is JSON and has, in addition to its own fields, `id` (`<session>-<number>`, increasing by one), `at` (ISO 8601) and `type`:',
    '```json\n{ "id": "5f3c9a1e-17", "at": "2026-01-02T03:04:05.678Z", "type": "model.state", "model": "llama", "from": "starting", "to": "ready" }\n```',
    'Progress of a model or download is emitted at most ten times per second. The newest events are kept, so that a client that reconnects can request the events after an `id`; progress, log lines and queue positions are not kept.',
    table(['type', 'when', 'fields'], rows),
    '`error` is an [error object](errors.md).',
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
