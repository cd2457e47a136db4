// Which answers are written as JSON.

/** True for a plain object or an array; false for text, bytes and streams, which are sent as they are. */
export function isJson(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
