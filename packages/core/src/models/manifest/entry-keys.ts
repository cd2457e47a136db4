// The keys of entries under `models:`: Lamina's own, and those that plugins contribute to the extension point modelEntry.
import { LaminaError } from '../../contract/errors.js';
import type { Contribution, ExtensionPoints } from '../../contract/extensions.js';
import { manifestSchema, modelEntrySchema, type ModelEntry } from '../../contract/manifest.js';
import type { Schema } from '../../contract/schema.js';
import { check } from '../../kernel/check.js';
import { isMapping } from '../../kernel/json.js';
import { reasonOf } from '../../kernel/reason.js';

/** The keys that an entry can have, with their schemas. */
export class EntryKeys {
  /** The schema of an entry. */
  entry: Schema & { readonly properties: Readonly<Record<string, Schema>> } = modelEntrySchema;
  /** The schema of a manifest whose entries have these keys. */
  manifest: Schema = manifestSchema;

  /** @throws LaminaError `PLUGIN_INVALID` for a key that is taken, or a schema that is none */
  add(contributions: readonly Contribution<ExtensionPoints['modelEntry']>[]): void {
    const owners = new Map<string, string>();
    const added: Record<string, Schema> = {};
    for (const { plugin, value } of contributions) {
      const refuse = (reason: string) => new LaminaError('PLUGIN_INVALID', { plugin, reason });
      if (!isMapping(value)) throw refuse('its contribution to "modelEntry" is not an object of keys and schemas');
      for (const [key, schema] of Object.entries(value)) {
        const owner = Object.hasOwn(modelEntrySchema.properties, key) ? 'Lamina' : owners.get(key);
        if (owner !== undefined)
          throw refuse(`it contributes the key "${key}" to entries of models, which ${owner} has; choose another key`);
        const problem = schemaProblem(schema);
        if (problem !== undefined) throw refuse(`the schema of its key "${key}" is invalid: ${problem}`);
        owners.set(key, `the plugin "${plugin}"`);
        added[key] = schema;
      }
    }
    if (owners.size === 0) return;
    this.entry = { ...modelEntrySchema, properties: { ...modelEntrySchema.properties, ...added } };
    const models = { type: 'object', additionalProperties: this.entry };
    this.manifest = { ...manifestSchema, properties: { ...manifestSchema.properties, models } };
  }

  /** The names of models in an entry, by the schemas of its keys: each with its path in the entry. */
  modelNames(entry: ModelEntry): readonly (readonly [path: readonly string[], name: string])[] {
    return Object.entries(entry).flatMap(([key, value]) =>
      Object.hasOwn(this.entry.properties, key) ? namesIn(this.entry.properties[key]!, value, [key]) : [],
    );
  }
}

function namesIn(
  schema: Schema,
  value: unknown,
  path: readonly string[],
): readonly (readonly [readonly string[], string])[] {
  if (schema['format'] === 'model') return [[path, value as string]];
  const { items } = schema;
  if (!isMapping(items) || !Array.isArray(value)) return [];
  return value.flatMap((item, index) => namesIn(items, item, [...path, String(index)]));
}

function schemaProblem(schema: unknown): string | undefined {
  if (!isMapping(schema)) return 'it is not an object';
  try {
    check(schema, undefined);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}
