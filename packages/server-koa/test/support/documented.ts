// Schemas of a served document, as a test holds answers to them: references are resolved, and a field that is not
// documented is an error.
import { check, type JsonObject, type Schema } from '@lamina/core';

/** What is wrong with a value by a schema of a document; empty when nothing is. */
export function problemsOf(document: JsonObject, schema: unknown, value: unknown): readonly string[] {
  return check(strict(document, schema), value).map(({ path, message }) => `${path.join('.')} ${message}`);
}

const resolved = new WeakMap<object, Schema>();

/** The same object for the same schema, so that it is compiled once. */
function strict(document: JsonObject, schema: unknown): Schema {
  const known = resolved.get(schema as object);
  if (known !== undefined) return known;
  const made = closed(document, schema) as Schema;
  resolved.set(schema as object, made);
  return made;
}

function closed(document: JsonObject, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => closed(document, each));
  if (typeof value !== 'object' || value === null) return value;
  const { $ref: reference, format: _, ...schema } = value as Record<string, unknown>;
  if (typeof reference === 'string') return closed(document, target(document, reference));
  const inner = Object.fromEntries(Object.entries(schema).map(([key, each]) => [key, closed(document, each)]));
  const isObject = inner['type'] === 'object' && inner['properties'] !== undefined;
  return isObject && inner['additionalProperties'] === undefined ? { ...inner, additionalProperties: false } : inner;
}

/** What a reference like `#/components/schemas/ModelView` leads to. */
export function target(document: JsonObject, reference: string): unknown {
  return reference
    .split('/')
    .slice(1)
    .reduce<unknown>((part, key) => (part as Record<string, unknown>)[key], document);
}
