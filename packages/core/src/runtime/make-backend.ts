// Makes the backend that an entry of the manifest means, or says why that is not possible.
import type { BackendType } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import { check, describeProblems, nearestHint, type Problem } from '../kernel/check.js';
import { reasonOf } from '../kernel/reason.js';
import { namesOf, type BackendInstance } from './backend-instance.js';
import { checkBackend } from './backend-shape.js';
import { expandPathOptions } from './path-options.js';

/** A backend of the manifest that cannot be made. */
export interface BrokenBackend {
  readonly name: string;
  readonly type: string;
  readonly reason: string;
  readonly hint: string;
  /** What is wrong, with the keys of its entry. */
  readonly problems: readonly Problem[];
}

/** A backend of the manifest. */
export type Entry = BackendInstance | BrokenBackend;

interface BackendEntry {
  readonly name: string;
  readonly type: string;
  /** Without the plugin's defaults. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** The backend that an entry of the manifest means. */
export function makeBackend(
  { name, type: typeName, options: own }: BackendEntry,
  types: readonly BackendType[],
  env: Config['env'],
): Entry {
  const type = findType(types, typeName);
  if (type === undefined)
    return {
      name,
      type: typeName,
      reason: `no plugin provides the backend type "${typeName}"`,
      hint: missingTypeHint(typeName, types),
      problems: [typeProblem(name, typeName, types)],
    };
  const options = { ...type.defaults, ...own };
  const problems = check(type.options, options);
  if (problems.length > 0)
    return {
      name,
      type: typeName,
      reason: `its option ${describeProblems(problems)}`,
      hint: `Correct backends.${name} in the manifest.`,
      problems,
    };
  const expanded = expandPathOptions(type.options, options, env);
  if (expanded.problem !== undefined)
    return {
      name,
      type: typeName,
      reason: `its option ${describeProblems([expanded.problem])}`,
      hint: `Correct backends.${name} in the manifest.`,
      problems: [expanded.problem],
    };
  try {
    return {
      name,
      type,
      options: expanded.options,
      backend: checkBackend(type.create(name, expanded.options), typeName),
    };
  } catch (error) {
    const reason = reasonOf(error);
    const hint = `Correct backends.${name} in the manifest.`;
    return { name, type: typeName, reason, hint, problems: [{ path: [], message: `cannot be used: ${reason}` }] };
  }
}

/** The type with this name or alias. */
export function findType(types: readonly BackendType[], name: string): BackendType | undefined {
  return types.find((type) => namesOf(type).includes(name));
}

/** What to do about a type that no plugin provides. */
export function missingTypeHint(name: string, types: readonly BackendType[]): string {
  return `If a plugin provides it, install that plugin. Among the registered backend types, ${nearestHint(
    name,
    types.flatMap(namesOf),
  )}`;
}

function typeProblem(name: string, type: string, types: readonly BackendType[]): Problem {
  const hint = nearestHint(type, types.flatMap(namesOf));
  return name === type
    ? { path: [], message: `is no backend type that a plugin provides; ${hint}` }
    : { path: ['type'], message: `is "${type}", which no plugin provides; ${hint}` };
}
