// Which events a caller hears, and what of them.
import { LaminaError, nearestHint, type EventType, type LaminaEvent } from '@lamina/core';
import { eventSchemas, type WireError } from '@lamina/core/protocol';
import { requireScope, type Scopes } from '../middleware/authentication.js';
import { wireForScopes } from '../middleware/error-body.js';
import { visibleTo } from '../middleware/redaction.js';

/** What becomes of an event on its way to a caller; `undefined`: it is not told. */
export type EventFilter = (event: LaminaEvent) => LaminaEvent | undefined;

/** What an engine prints is for those who manage the server. */
const managed: ReadonlySet<string> = new Set<EventType>(['log.line']);

/**
 * The events of these types, or all, as far as the caller may hear them.
 * @throws LaminaError `REQUEST_INVALID` for a type that does not exist, `FORBIDDEN` for one that needs the scope
 * `manage`
 */
export function filterFor(held: Scopes, types: readonly string[] | undefined): EventFilter {
  const wanted = new Set<string>(
    types ?? Object.keys(eventSchemas).filter((type) => held.has('manage') || !managed.has(type)),
  );
  for (const type of wanted) {
    if (!Object.hasOwn(eventSchemas, type))
      throw new LaminaError('REQUEST_INVALID', {
        message: `There are no events of type "${type}"; ${nearestHint(type, Object.keys(eventSchemas))}`,
        param: 'types',
      });
    if (managed.has(type)) requireScope(held, 'manage', `The event "${type}"`);
  }
  return (event) => (wanted.has(event.type) ? visible(held, event) : undefined);
}

function visible(held: Scopes, event: LaminaEvent): LaminaEvent {
  if (held.has('manage')) return event;
  const { error } = event as { error?: WireError };
  return error === undefined
    ? visibleTo(held, event)
    : ({ ...event, error: wireForScopes(held, error) } as LaminaEvent);
}
