// Which events a caller receives, and what it may see of them.
import { LaminaError, nearestHint, type EventType, type Lamina, type LaminaEvent } from '@lamina/core';
import { eventSchemas, type WireError } from '@lamina/core/protocol';
import { hasScope, requireScope, type NetworkCaller } from '../middleware/authentication.js';
import { visibleError, visibleTo } from '../middleware/redaction.js';

/** An event as the caller may see it; `undefined` when it must not be sent. */
export type EventFilter = (event: LaminaEvent) => LaminaEvent | undefined;

/** Events of Lamina that need the scope `manage`. */
const managedTypes: ReadonlySet<string> = new Set<EventType>(['log.line']);

/**
 * A filter for these types, or for all types that the caller may receive. Types of plugins begin with the name of the
 * plugin; they need the scope `manage`.
 * @throws LaminaError `REQUEST_INVALID` for a type that does not exist, `FORBIDDEN` for one that needs the scope
 * `manage`
 */
export function filterFor(
  caller: NetworkCaller,
  types: readonly string[] | undefined,
  { plugins }: Pick<Lamina, 'plugins'>,
): EventFilter {
  if (types === undefined) {
    const hasManage = hasScope(caller, 'manage');
    return (event) => (hasManage || !isManaged(event.type) ? visible(caller, event) : undefined);
  }
  for (const type of types) {
    if (!isOwn(type) && !plugins.some(({ name }) => type.startsWith(`${name}.`)))
      throw new LaminaError('REQUEST_INVALID', {
        message: `Unknown event type "${type}"; ${nearestHint(type, Object.keys(eventSchemas))}`,
        param: 'types',
      });
    if (isManaged(type)) requireScope(caller, 'manage', `The event "${type}"`);
  }
  const wanted = new Set(types);
  return (event) => (wanted.has(event.type) ? visible(caller, event) : undefined);
}

/** Whether it is an event of Lamina, not of a plugin. */
function isOwn(type: string): boolean {
  return Object.hasOwn(eventSchemas, type);
}

function isManaged(type: string): boolean {
  return managedTypes.has(type) || !isOwn(type);
}

function visible(caller: NetworkCaller, event: LaminaEvent): LaminaEvent {
  if (hasScope(caller, 'manage')) return event;
  const { error } = event as { error?: WireError };
  return error === undefined
    ? visibleTo(caller, event)
    : ({ ...event, error: visibleError(caller, error) } as LaminaEvent);
}
