// Expands `~` and `${VAR}` in the options of backends and models that are paths.
import type { Config } from '../contract/config.js';
import type { Schema } from '../contract/schema.js';
import type { Problem } from '../kernel/check.js';
import { expandPath } from '../kernel/written-path.js';

type Options = Readonly<Record<string, unknown>>;

/** The options, or what is wrong with one of them. */
export type ExpandedOptions =
  { readonly options: Options; readonly problem?: never } | { readonly options?: never; readonly problem: Problem };

/** Options are paths where their schema has `format: 'path'`. */
export function expandPathOptions(schema: Schema, options: Options, env: Config['env']): ExpandedOptions {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Schema>>;
  const expanded = { ...options };
  for (const [name, value] of Object.entries(options)) {
    if (properties[name]?.['format'] !== 'path' || typeof value !== 'string') continue;
    const { path, problem } = expandPath(value, env);
    if (problem !== undefined) return { problem: { path: [name], message: problem } };
    expanded[name] = path;
  }
  return { options: expanded };
}
