// Reduces a JSON Schema to the part that node-llama-cpp supports in grammars; the library reads what it does not know as
// `null`.
import { RequestError } from './errors.js';

type Schema = Readonly<Record<string, unknown>>;

/** `type`s except objects and lists. */
const scalars: readonly unknown[] = ['string', 'number', 'integer', 'boolean', 'null'];
const anyScalar = { type: ['string', 'number', 'boolean', 'null'] };
/** Keywords kept as they are; others only narrow what is valid (`pattern`, `minimum`, …) and are not enforced. */
const kept = [
  'enum',
  'const',
  'description',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
];
const formats: readonly unknown[] = ['date', 'time', 'date-time'];

/**
 * The schema as the library reads it. Every property is required, and one without a type may be any value: any scalar,
 * list or object.
 * @throws RequestError for what would change the shape and cannot be enforced: `not`, `if`, references to elsewhere,
 * several `allOf`
 */
export function grammarSchema(schema: unknown): object {
  const { $defs, definitions } = (typeof schema === 'object' && schema !== null ? schema : {}) as {
    $defs?: Schema;
    definitions?: Schema;
  };
  const all = Object.entries({ ...definitions, ...$defs });
  const root = shape(schema);
  return all.length === 0
    ? root
    : { ...root, $defs: Object.fromEntries(all.map(([name, definition]) => [name, shape(definition)])) };
}

function shape(schema: unknown): object {
  if (typeof schema !== 'object' || schema === null) return anything();
  const given = schema as Schema;
  const several = given['anyOf'] ?? given['oneOf'];
  if (typeof given['$ref'] === 'string') return { $ref: reference(given['$ref']) };
  if (Array.isArray(several)) return { oneOf: several.map(shape) };
  if (Array.isArray(given['allOf'])) return shape(merged(given));
  for (const keyword of ['not', 'if']) if (keyword in given) throw refused(`"${keyword}"`);
  if ('enum' in given || 'const' in given) return pick(given, kept);
  return typed(given);
}

function typed(given: Schema): object {
  const { type = impliedType(given) } = given;
  if (Array.isArray(type)) return typedInSeveralWays(given, type as unknown[]);
  if (type === 'object') return object(given);
  if (type === 'array') return list(given);
  if (!scalars.includes(type)) return anything();
  return { ...pick(given, kept), type, ...(formats.includes(given['format']) ? { format: given['format'] } : {}) };
}

function typedInSeveralWays(given: Schema, types: readonly unknown[]): object {
  if (types.every((type) => scalars.includes(type))) return { ...pick(given, kept), type: types };
  return { oneOf: types.map((type) => typed({ ...given, type })) };
}

function object(given: Schema): object {
  const properties = Object.entries((given['properties'] as Schema | undefined) ?? {}).map(([name, value]) => [
    name,
    shape(value),
  ]);
  const { additionalProperties = properties.length === 0 } = given;
  const more = typeof additionalProperties === 'object' ? shape(additionalProperties) : additionalProperties;
  return {
    ...pick(given, kept),
    type: 'object',
    properties: Object.fromEntries(properties) as Schema,
    additionalProperties: more,
  };
}

function list(given: Schema): object {
  const { items, prefixItems } = given;
  return {
    ...pick(given, kept),
    type: 'array',
    ...(typeof items === 'object' ? { items: shape(items) } : {}),
    ...(Array.isArray(prefixItems) ? { prefixItems: prefixItems.map(shape) } : {}),
  };
}

function anything(): object {
  return { oneOf: [anyScalar, { type: 'object', additionalProperties: true }, { type: 'array' }] };
}

function impliedType(given: Schema): unknown {
  if ('properties' in given || 'additionalProperties' in given) return 'object';
  return 'items' in given || 'prefixItems' in given ? 'array' : undefined;
}

function merged({ allOf, ...rest }: Schema): Schema {
  const [only, ...others] = allOf as Schema[];
  if (others.length > 0) throw refused('"allOf" with several parts');
  return { ...only, ...rest };
}

function reference(to: string): string {
  const name = /^#\/(?:\$defs|definitions)\/(.+)$/.exec(to)?.[1];
  if (name === undefined) throw refused(`the reference "${to}"`);
  return `#/$defs/${name}`;
}

function pick(given: Schema, names: readonly string[]): object {
  return Object.fromEntries(names.flatMap((name) => (Object.hasOwn(given, name) ? [[name, given[name]]] : [])));
}

function refused(what: string): RequestError {
  return new RequestError(
    400,
    `The embedded engine cannot hold a model to ${what} of a JSON Schema; write the schema without it.`,
    { code: 'unsupported_schema' },
  );
}
