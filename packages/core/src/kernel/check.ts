// Values held against their schema, with answers a person can act on.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Schema } from '../contract/schema.js';

/** One thing that is wrong with a value. */
export interface Problem {
  /** Where: the keys from the top. */
  readonly path: readonly string[];
  /** What is wrong and what would be right, without the path. */
  readonly message: string;
}

// A start waits for schemas to be compiled. One that is wrong fails then anyway, and code that is optimized is no
// faster.
const ajv = new Ajv({
  allErrors: true,
  strict: true,
  allowUnionTypes: true,
  verbose: true,
  validateSchema: false,
  // Marks: paths, in which `~` and variables are expanded, and names of models.
  formats: { path: true, model: true },
  code: { optimize: false },
});
const compiled = new WeakMap<Schema, ValidateFunction>();

/** Everything that is wrong with `value`; empty when nothing is. */
export function check(schema: Schema, value: unknown): readonly Problem[] {
  let validate = compiled.get(schema);
  if (validate === undefined) compiled.set(schema, (validate = ajv.compile(schema)));
  if (validate(value)) return [];
  // What the parts of `if` and `anyOf` say is enough.
  return (validate.errors ?? []).filter(({ keyword }) => keyword !== 'if' && keyword !== 'anyOf').map(toProblem);
}

/** The problems as one sentence part: `options.threads must be integer, not "four"`. */
export function describeProblems(problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${path.length > 0 ? `"${path.join('.')}" ` : ''}${message}`).join('; ');
}

function toProblem(error: ErrorObject): Problem {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params['additionalProperty']);
    const known = Object.keys((error.parentSchema?.['properties'] as object | undefined) ?? {});
    return { path: [...path, key], message: `is not known here; ${nearestHint(key, known)}` };
  }
  if (error.keyword === 'enum')
    return {
      path,
      message: `must be one of ${(error.schema as unknown[]).map(show).join(', ')}, not ${show(error.data)}`,
    };
  if (error.keyword === 'required') return { path, message: `lacks "${String(error.params['missingProperty'])}"` };
  if (error.keyword === 'type')
    return {
      path,
      message: `must be ${[error.schema as string | readonly string[]].flat().join(' or ')}, not ${show(error.data)}`,
    };
  return { path, message: `${error.message ?? 'is not right'}, not ${show(error.data)}` };
}

/** Names by nearness to one that was not found, nearest first. */
export function nearest(name: string, known: readonly string[]): readonly string[] {
  const wanted = name.toLowerCase();
  const scored = known.map((candidate) => ({ candidate, distance: distance(wanted, candidate.toLowerCase()) }));
  return scored.sort((a, b) => a.distance - b.distance).map(({ candidate }) => candidate);
}

/** `did you mean "x"?` with what is known, or just what is known. */
export function nearestHint(name: string, known: readonly string[]): string {
  const [first, ...rest] = nearest(name, known);
  if (first === undefined) return 'nothing is';
  const close = distance(name.toLowerCase(), first.toLowerCase()) <= Math.max(2, Math.floor(name.length / 3));
  const listed = [first, ...rest].slice(0, 8).map(show).join(', ');
  return close ? `did you mean ${show(first)}?` : `known are ${listed}${rest.length > 7 ? ', …' : ''}`;
}

/** Levenshtein's distance; a prefix or a part counts as near. */
function distance(a: string, b: string): number {
  if (a !== '' && (b.startsWith(a) || b.includes(a))) return 1;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
