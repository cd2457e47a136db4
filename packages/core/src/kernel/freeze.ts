// Makes plain data immutable before plugins get it.

/** Freezes plain objects and arrays deeply; instances of classes stay as they are. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (Array.isArray(value)) {
    Object.freeze(value);
    for (const part of value) if (typeof part === 'object') freeze(part);
  } else if (isPlain(value)) {
    Object.freeze(value);
    for (const key in value) if (typeof value[key] === 'object') freeze(value[key]);
  }
  return value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
