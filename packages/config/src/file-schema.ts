// The schemas of a configuration file, made from the table of settings.
import type { Schema } from '@lamina/core';
import { settings, type Setting } from './settings.js';

const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});

/** An entry of `plugins` that names a package. */
const use = object({ use: { type: 'string' }, options: { type: 'object' } }, ['use']);

/** What `plugins` and `options` may say in YAML and JSON. */
const written = {
  plugins: { type: 'array', items: use },
  options: { type: 'object', additionalProperties: { type: 'object' } },
};

/** The schema of a YAML or JSON file. */
export const dataSchema = schemaOf(({ schema }) => schema, written);

/** The schema of a module, which can also hold plugins, services and functions. */
export const moduleSchema = schemaOf(({ schema, moduleSchema }) => moduleSchema ?? schema, {
  ...written,
  plugins: { type: 'array', items: { if: { type: 'object', properties: { use: {} }, required: ['use'] }, then: use } },
  env: {},
  fetch: {},
  clock: {},
  configure: {},
});

function schemaOf(of: (setting: Setting) => Schema, more: Readonly<Record<string, Schema>>): Schema {
  const sections = new Map<string, Record<string, Schema>>();
  const top: Record<string, Schema> = { ...more };
  for (const setting of settings) {
    const [section, name] = setting.key.split('.') as [string, string?];
    if (name === undefined) top[section] = of(setting);
    else sections.set(section, { ...sections.get(section), [name]: of(setting) });
  }
  return object({
    ...top,
    ...Object.fromEntries([...sections].map(([name, properties]) => [name, object(properties)])),
  });
}
