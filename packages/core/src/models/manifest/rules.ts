// What a schema cannot say of a manifest: names and paths that are safe, aliases and bases that fit together, keys
// nobody knows.
import { isAbsolute } from 'node:path';
import { manifestSchema, modelEntrySchema, type ModelEntry } from '../../contract/manifest.js';
import type { Schema } from '../../contract/schema.js';
import { check, nearestHint } from '../../kernel/check.js';
import { adviceFor, schemaAt } from './advice.js';
import { isMapping } from './nothing.js';

/** Something to say about a manifest, and the keys that lead there. */
export interface Finding {
  readonly path: readonly string[];
  readonly message: string;
}

/** The manifest's schema but for what entries are, which are checked one by one. */
const sectionsSchema = {
  ...manifestSchema,
  properties: { ...manifestSchema.properties, models: { type: 'object' } },
} as const;

/** Does what the first checks would do once, so that it holds up nobody who is served. */
export function prepareRules(): void {
  shapeProblems({ models: { any: {} } });
}

/** Levels of data that a host gives. */
const deepest = 100;

const pathKeys = ['path', 'projector', 'draft'] as const;

/** Everything wrong with the shape of a manifest, or of a part of one. */
export function shapeProblems(value: unknown): readonly Finding[] {
  const models = isMapping(value) && isMapping(value['models']) ? value['models'] : {};
  return [
    ...findings(sectionsSchema, value, []),
    ...Object.entries(models).flatMap(([name, entry]) => entryShapeProblems(name, entry)),
  ];
}

/** Where data that a host gave cannot be written as JSON: it contains itself, or has a function, symbol or BigInt. */
export function jsonProblems(value: unknown, lead: readonly string[] = []): readonly Finding[] {
  const checked = new Set<object>();
  const above = new Set<object>();
  const problems: Finding[] = [];
  const look = (part: unknown, path: readonly string[]): void => {
    const isForeign = ['function', 'symbol', 'bigint'].includes(typeof part);
    if (isForeign) problems.push({ path, message: `is a ${typeof part}; write data that JSON has` });
    if (typeof part !== 'object' || part === null || checked.has(part)) return;
    if (above.has(part)) return void problems.push({ path, message: 'contains itself; remove it there' });
    if (above.size > deepest) {
      problems.push({ path: path.slice(0, 4), message: `has more than ${deepest} levels; write fewer` });
      return;
    }
    above.add(part);
    for (const [key, inner] of Object.entries(part)) look(inner, [...path, key]);
    above.delete(part);
    checked.add(part);
  };
  look(value, lead);
  return problems;
}

/** Everything wrong with the shape of one entry. */
export function entryShapeProblems(name: string, entry: unknown): readonly Finding[] {
  return findings(modelEntrySchema, entry, ['models', name]);
}

/** What is wrong with one entry by itself; its shape is right. */
export function entryProblems(name: string, entry: ModelEntry): readonly Finding[] {
  const problems: Finding[] = [];
  const add = (message: string | undefined, ...path: readonly string[]) =>
    message !== undefined && problems.push({ path: ['models', name, ...path], message });
  add(nameProblem(name));
  for (const key of pathKeys) if (entry[key] !== undefined) add(pathProblem(entry[key]), key);
  if (entry.base === name) add('is the adapter itself; write the model whose process it shares', 'base');
  return problems;
}

/** What is wrong with the entries together: names that are taken twice, adapters of adapters. */
export function togetherProblems(models: Readonly<Record<string, ModelEntry>>): readonly Finding[] {
  const linked = Object.keys(models).filter(
    (name) => models[name]!.base !== undefined || models[name]!.aliases !== undefined,
  );
  const entries = linked.map((name) => [name, models[name]!] as const);
  return [...entries.flatMap(([name, entry]) => baseProblem(name, entry, models)), ...aliasProblems(entries, models)];
}

/** Keys nobody knows in an entry: kept, but likely a slip. */
export function unknownInEntry(name: string, entry: ModelEntry): readonly Finding[] {
  const unknown = unknownIn(entry, ['models', name], modelEntrySchema.properties);
  return entry.limits === undefined
    ? unknown
    : [
        ...unknown,
        ...unknownIn(entry.limits, ['models', name, 'limits'], modelEntrySchema.properties.limits.properties),
      ];
}

/** Keys nobody knows at the top. */
export function unknownSections(manifest: object): readonly Finding[] {
  return unknownIn(manifest, [], manifestSchema.properties);
}

/** What makes a name unusable: it becomes a directory name for downloads and a part of URLs. */
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

/** What makes a path unusable. Absolute ones are the operator's right. */
export function pathProblem(path: string): string | undefined {
  if (path.includes('\0')) return 'has a NUL character in it; remove it';
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path))
    return `is an address, not a file; write path: with where the file shall be, and the address under download:`;
  if (path.startsWith('~')) return `begins with "~", which only a shell understands; write the absolute path`;
  if (isAbsolute(path)) return undefined;
  if (leaves(path)) return 'leaves the models directory; write a path below it, or an absolute one';
  return undefined;
}

/** True when `..` leads above the beginning of a relative path. */
function leaves(path: string): boolean {
  if (!path.includes('..')) return false;
  let depth = 0;
  for (const part of path.split(/[/\\]/)) {
    if (part === '..') depth -= 1;
    else if (part !== '' && part !== '.') depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

function baseProblem(
  name: string,
  { base }: ModelEntry,
  models: Readonly<Record<string, ModelEntry>>,
): readonly Finding[] {
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
  models: Readonly<Record<string, ModelEntry>>,
): readonly Finding[] {
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

function findings(schema: Schema, value: unknown, lead: readonly string[]): readonly Finding[] {
  return check(schema, value).map(({ path, message }) => {
    const known = schemaAt(schema, path);
    const whole = [...lead, ...path];
    return { path: whole, message: known === undefined ? message : adviceFor(whole, known, valueAt(value, path)) };
  });
}

function unknownIn(value: object, path: readonly string[], known: Readonly<Record<string, unknown>>): Finding[] {
  const unknown: Finding[] = [];
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
