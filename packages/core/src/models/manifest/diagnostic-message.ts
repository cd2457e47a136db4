// The message for a value that its schema refuses: what it must be, what it is, and what to write instead.
import type { Schema } from '../../contract/schema.js';
import { isMapping } from '../../kernel/json.js';

/** A sentence part: `must be text, not the number 5; write path: "5"`. */
export function diagnosticMessage(path: readonly string[], schema: Schema | undefined, value: unknown): string {
  const key = path.at(-1) ?? '';
  if (schema === undefined) return `cannot be ${found(value)} here`;
  if (value === '' && schema['minLength'] !== undefined) return 'is empty; write a value, or leave the key out';
  if (typeof value === 'number' && typeof schema['minimum'] === 'number' && value < schema['minimum'])
    return `must be ${String(schema['minimum'])} or more, not ${value}`;
  const lacking = isMapping(value) ? (schema['required'] as readonly string[] | undefined) : undefined;
  if (lacking !== undefined)
    return `has no "${lacking.filter((name) => !Object.hasOwn(value as object, name)).join('", "')}"; write it`;
  const instead = insteadOf(key, schema, value);
  return `must be ${expected(schema)}, not ${found(value)}${instead === undefined ? '' : `; write ${instead}`}`;
}

/** The part of a schema for the value at `path`. */
export function schemaAt(schema: Schema, path: readonly string[]): Schema | undefined {
  let here: Schema | undefined = schema;
  for (const key of path) {
    const properties = here?.['properties'] as Readonly<Record<string, Schema>> | undefined;
    const next: unknown =
      properties !== undefined && Object.hasOwn(properties, key)
        ? properties[key]
        : (here?.['additionalProperties'] ?? here?.['items']);
    here = typeof next === 'object' && next !== null ? (next as Schema) : undefined;
  }
  return here;
}

function expected(schema: Schema): string {
  const type = schema['type'];
  if (Array.isArray(type)) return type.map((one) => expected({ type: one as string })).join(' or ');
  if (type === 'string') return 'text';
  if (type === 'boolean') return 'true or false';
  if (type === 'integer') return 'a whole number';
  if (type === 'number') return 'a number';
  if (type === 'array') return 'a list of names';
  return 'a mapping (indented "key: value" lines beneath it)';
}

function found(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return `the text ${show(value)}`;
  return typeof value === 'number' ? `the number ${value}` : String(value as boolean);
}

function insteadOf(key: string, schema: Schema, value: unknown): string | undefined {
  const type = schema['type'];
  const scalar = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  if (type === 'array' && scalar) return `${key}: [${String(value)}]`;
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return `${key}: "${String(value)}"`;
  if (type === 'string' && Array.isArray(value) && value.length === 1) return `${key}: ${String(value[0])}`;
  if (type === 'boolean' && typeof value === 'string')
    return `${key}: ${/^(y|yes|on|true|1)$/i.test(value) ? 'true' : 'false'}`;
  if ((type === 'number' || type === 'integer') && typeof value === 'string') return numberInstead(key, value);
  if (type === 'object' && typeof value === 'string' && hasProperty(schema, 'path'))
    return `${key}: { path: ${show(value)} }`;
  if (type === 'object' && Array.isArray(value) && hasProperty(schema, 'max_loaded'))
    return `${key}: { models: [${value.join(', ')}] }`;
  if (type === 'object' && Array.isArray(value))
    return `each name as a key of its own, "${nameIn(value)}:", without a dash`;
  return undefined;
}

/** `10m` → 600; a number in quotes → the number. */
function numberInstead(key: string, value: string): string | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(s|sec|m|min|h)?\w*\s*$/i.exec(value);
  if (match === null) return undefined;
  const factor = { m: 60, min: 60, h: 3600 }[match[2]?.toLowerCase() ?? ''] ?? 1;
  return `${key}: ${Number(match[1]) * factor}`;
}

function hasProperty(schema: Schema, name: string): boolean {
  return Object.hasOwn((schema['properties'] as object | undefined) ?? {}, name);
}

function nameIn(list: readonly unknown[]): string {
  const first = list[0];
  const name = typeof first === 'object' && first !== null ? (first as Record<string, unknown>)['name'] : first;
  return typeof name === 'string' ? name : 'name';
}

function show(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
}
