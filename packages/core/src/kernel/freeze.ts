// Plain data made immutable before it is handed to a plugin.

/** Freezes plain objects and arrays all the way down; things with a class of their own are left as they are. */
export function freeze<T>(value: T): T {
  if (!isPlain(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  if (Array.isArray(value)) for (const part of value) freezePart(part);
  else for (const key of Object.keys(value)) freezePart((value as Readonly<Record<string, unknown>>)[key]);
  return value;
}

/** Most parts are text and numbers: a call less for each. */
function freezePart(part: unknown): void {
  if (typeof part === 'object') freeze(part);
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
