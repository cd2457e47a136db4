// What a schema cannot say about a manifest: safe names and paths, aliases and bases that fit together, unknown keys.
import { isAbsolute } from 'node:path';
import {
  manifestSchema,
  modelEntrySchema,
  modelGroupSchema,
  type Manifest,
  type ModelEntry,
} from '../../contract/manifest.js';
import type { Schema } from '../../contract/schema.js';
import { check, nearestHint, type Problem } from '../../kernel/check.js';
import type { EntryKeys } from './entry-keys.js';
import { diagnosticMessage, schemaAt } from './diagnostic-message.js';
import { isMapping } from '../../kernel/json.js';
import { pathProblem } from '../../kernel/written-path.js';

/** The most levels of data that a host passes. */
const deepest = 100;

/** The keys of an entry that are paths. */
export const pathKeys = ['path', 'projector', 'draft'] as const;

/** Everything wrong with a manifest, entry by entry: its shape, else its name. */
export function manifestProblems(value: unknown, keys: EntryKeys): readonly Problem[] {
  const shape = problemsOf(keys.manifest, value, []);
  const isShape = (name: string) => shape.some(({ path }) => path[0] === 'models' && path[1] === name);
  const models = isMapping(value) && isMapping(value['models']) ? Object.entries(value['models']) : [];
  return [
    ...shape,
    ...models.flatMap(([name, entry]) => (isShape(name) ? [] : namingProblems(name, entry as ModelEntry))),
  ];
}

/** Where data that a host passes cannot be written as JSON: circular, or with a function, symbol or BigInt. */
export function jsonProblems(value: unknown, lead: readonly string[] = []): readonly Problem[] {
  const checked = new Set<object>();
  const above = new Set<object>();
  const problems: Problem[] = [];
  const visit = (part: unknown, path: readonly string[]): void => {
    const isForeign = ['function', 'symbol', 'bigint'].includes(typeof part);
    if (isForeign) problems.push({ path, message: `is a ${typeof part}; write data that JSON has` });
    if (typeof part !== 'object' || part === null || checked.has(part)) return;
    if (above.has(part)) return void problems.push({ path, message: 'contains itself; remove it there' });
    if (above.size > deepest) {
      problems.push({ path: path.slice(0, 4), message: `has more than ${deepest} levels; write fewer` });
      return;
    }
    above.add(part);
    for (const [key, inner] of Object.entries(part)) visit(inner, [...path, key]);
    above.delete(part);
    checked.add(part);
  };
  visit(value, lead);
  return problems;
}

/** Everything wrong with one entry: its shape, else its name and paths. */
export function entryProblems(name: string, entry: ModelEntry, keys: EntryKeys): readonly Problem[] {
  const shape = problemsOf(keys.entry, entry, ['models', name]);
  return shape.length > 0 ? shape : [...namingProblems(name, entry), ...pathProblems({ [name]: entry })];
}

/** Bad paths: each makes its model unusable, and no other. */
export function pathProblems(models: Manifest['models']): readonly Problem[] {
  return Object.entries(models).flatMap(([name, entry]) =>
    pathKeys.flatMap((key) => {
      const message = entry[key] === undefined ? undefined : pathProblem(entry[key]);
      return message === undefined ? [] : [{ path: ['models', name, key], message }];
    }),
  );
}

/** What is wrong with the name and the base of an entry. */
function namingProblems(name: string, entry: ModelEntry): readonly Problem[] {
  const problems: Problem[] = [];
  const add = (message: string | undefined, ...path: readonly string[]) =>
    message !== undefined && problems.push({ path: ['models', name, ...path], message });
  add(nameProblem(name));
  if (entry.base === name) add('is the adapter itself; write the model whose process it shares', 'base');
  return problems;
}

/** What is wrong between entries: names that are used twice, adapters of adapters. */
export function crossEntryProblems(models: Manifest['models']): readonly Problem[] {
  const entries = Object.entries(models);
  return [...entries.flatMap(([name, entry]) => baseProblem(name, entry, models)), ...aliasProblems(entries, models)];
}

/** Unknown keys at the top, in entries and in groups: they are kept, but are probably mistakes. */
export function unknownKeys(manifest: Manifest, keys: EntryKeys): readonly Problem[] {
  const { limits } = modelEntrySchema.properties;
  return [
    ...unknownIn(manifest, [], manifestSchema.properties),
    ...Object.entries(manifest.models).flatMap(([name, entry]) => [
      ...unknownIn(entry, ['models', name], keys.entry.properties),
      ...unknownIn(entry.limits ?? {}, ['models', name, 'limits'], limits.properties),
    ]),
    ...Object.entries(manifest.groups).flatMap(([name, group]) =>
      unknownIn(group, ['groups', name], modelGroupSchema.properties),
    ),
  ];
}

/** Why a name cannot be used: it becomes a directory name for downloads and a part of URLs. */
export function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'is a model without a name; write one before the colon';
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (name !== name.trim() || /[\u0000-\u001f\u007f\\]/.test(name))
    return 'is a name with blanks at its ends, a control character or a backslash; use letters, digits, ".", "-", "_", ":" and "/"';
  if (isAbsolute(name) || /(?:^|\/)\.{0,2}(?:\/|$)/.test(name))
    return 'is a name that reads like a path out of the models directory; write it without a leading "/", "//" and ".."';
  if (name.length > 200) return `is a name of ${name.length} characters; at most 200 are allowed`;
  return undefined;
}

function baseProblem(name: string, { base }: ModelEntry, models: Manifest['models']): readonly Problem[] {
  const further = base === undefined || base === name || !Object.hasOwn(models, base) ? undefined : models[base]?.base;
  return further === undefined
    ? []
    : [
        {
          path: ['models', name, 'base'],
          message: `is itself an adapter; write the model it is based on: base: ${further}`,
        },
      ];
}

function aliasProblems(
  entries: readonly (readonly [string, ModelEntry])[],
  models: Manifest['models'],
): readonly Problem[] {
  const owners = new Map<string, string>();
  return entries.flatMap(([name, { aliases }]) =>
    (aliases ?? []).flatMap((alias, index) => {
      const other = owners.get(alias);
      owners.set(alias, other ?? name);
      if (alias === name) return [];
      const taken = Object.hasOwn(models, alias)
        ? 'the name of a model'
        : other !== undefined && other !== name
          ? `an alias of "${other}"`
          : undefined;
      if (taken === undefined) return [];
      return [
        {
          path: ['models', name, 'aliases', String(index)],
          message: `is "${alias}", already ${taken}; write another alias, or remove it here`,
        },
      ];
    }),
  );
}

function problemsOf(schema: Schema, value: unknown, lead: readonly string[]): readonly Problem[] {
  return check(schema, value).map(({ path, message }) => {
    const known = schemaAt(schema, path);
    const whole = [...lead, ...path];
    return {
      path: whole,
      message: known === undefined ? message : diagnosticMessage(whole, known, valueAt(value, path)),
    };
  });
}

function unknownIn(value: object, path: readonly string[], known: Readonly<Record<string, unknown>>): Problem[] {
  const unknown: Problem[] = [];
  for (const key in value)
    if (!Object.hasOwn(known, key))
      unknown.push({
        path: [...path, key],
        message: `is not a key Lamina knows and is kept as it is; ${nearestHint(key, Object.keys(known))}`,
      });
  return unknown;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (here, key) => (typeof here === 'object' && here !== null ? (here as Record<string, unknown>)[key] : undefined),
    value,
  );
}
