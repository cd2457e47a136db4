// A key with nothing behind it counts as absent, as in `categories:` on a line of its own.

/**
 * The manifest without keys that have nothing behind them, at the top and in entries. An entry that is nothing stays,
 * to be told of.
 */
export function withoutNothing(value: unknown): unknown {
  if (value === null || value === undefined) return {};
  if (!isMapping(value)) return value;
  const { models } = value;
  if (!isMapping(models) || !Object.values(models).some((entry) => isMapping(entry) && holdsNothing(entry)))
    return dropNothing(value);
  const entries = Object.entries(models).map(([name, entry]) => [name, entryWithoutNothing(entry)] as const);
  return { ...dropNothing(value), models: Object.fromEntries(entries) };
}

/** One entry without keys that have nothing behind them. */
export function entryWithoutNothing(entry: unknown): unknown {
  return isMapping(entry) ? dropNothing(entry) : entry;
}

/** True for an object that is neither a list nor nothing. */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The keys of one mapping that have something behind them; the mapping itself when all have. */
function dropNothing(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return holdsNothing(value)
    ? Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null && part !== undefined))
    : value;
}

function holdsNothing(value: Readonly<Record<string, unknown>>): boolean {
  for (const key in value) if (value[key] === null || value[key] === undefined) return true;
  return false;
}
