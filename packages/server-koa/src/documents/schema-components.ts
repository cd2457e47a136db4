// Collects the schemas of a document under their names, so that each is written once.
import type { JsonObject, Schema } from '@lamina/core';
import * as protocol from '@lamina/core/protocol';

/** The schemas that @lamina/core/protocol exports, by name: `modelViewSchema` is `ModelView`. */
const names: ReadonlyMap<unknown, string> = new Map(
  Object.entries(protocol)
    .filter(([name]) => name.endsWith('Schema'))
    .map(([name, schema]) => [schema, name[0]!.toUpperCase() + name.slice(1, -'Schema'.length)]),
);

/** The named schemas that a document refers to. */
export class SchemaComponents {
  /** By name, in the order of their first use. */
  readonly schemas: Record<string, JsonObject> = {};

  /** The schema with references to the named ones in it; a named one is a reference itself. */
  refer(schema: Schema): JsonObject {
    const name = names.get(schema);
    if (name === undefined) return this.#inner(schema);
    if (!Object.hasOwn(this.schemas, name)) {
      this.schemas[name] = {}; // Keeps its place in the order.
      this.schemas[name] = this.#inner(schema);
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  #inner(schema: Schema): JsonObject {
    return Object.fromEntries(
      Object.entries(schema).map(([keyword, value]) => [keyword, this.#value(value)]),
    ) as JsonObject;
  }

  #value(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#value(each));
    return typeof value === 'object' && value !== null ? this.refer(value as Schema) : value;
  }
}
