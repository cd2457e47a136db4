// Which events a caller receives, and what it may see of them.
import { LaminaError, nearestHint, type EventType, type LaminaEvent } from '@lamina/core';
import { eventSchemas, type WireError } from '@lamina/core/protocol';
import { hasScope, requireScope, type NetworkCaller } from '../middleware/authentication.js';
import { visibleError, visibleTo } from '../middleware/redaction.js';

/** An event as the caller may see it; `undefined` when it must not be sent. */
export type EventFilter = (event: LaminaEvent) => LaminaEvent | undefined;

/** Events that need the scope `manage`. */
const managedTypes: ReadonlySet<string> = new Set<EventType>(['log.line']);

/**
 * A filter for these types, or for all types that the caller may receive.
 * @throws LaminaError `REQUEST_INVALID` for a type that does not exist, `FORBIDDEN` for one that needs the scope
 * `manage`
 */
export function filterFor(caller: NetworkCaller, types: readonly string[] | undefined): EventFilter {
  const wanted = new Set<string>(
    types ?? Object.keys(eventSchemas).filter((type) => hasScope(caller, 'manage') || !managedTypes.has(type)),
  );
  for (const type of wanted) {
    if (!Object.hasOwn(eventSchemas, type))
      throw new LaminaError('REQUEST_INVALID', {
        message: `Unknown event type "${type}"; ${nearestHint(type, Object.keys(eventSchemas))}`,
        param: 'types',
      });
    if (managedTypes.has(type)) requireScope(caller, 'manage', `The event "${type}"`);
  }
  return (event) => (wanted.has(event.type) ? visible(caller, event) : undefined);
}

function visible(caller: NetworkCaller, event: LaminaEvent): LaminaEvent {
  if (hasScope(caller, 'manage')) return event;
  const { error } = event as { error?: WireError };
  return error === undefined
    ? visibleTo(caller, event)
    : ({ ...event, error: visibleError(caller, error) } as LaminaEvent);
}
