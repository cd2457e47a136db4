// A configured backend, and the options with which it starts models.
import type { Backend, BackendType } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import type { Model } from '../contract/models.js';
import { check, describeProblems } from '../kernel/check.js';

/** A configured backend that can start models. */
export interface BackendInstance {
  readonly name: string;
  readonly type: BackendType;
  /** The plugin's defaults, overridden by the manifest. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly backend: Backend;
}

/** The name and the aliases of a type. */
export function namesOf({ type, aliases = [] }: BackendType): readonly string[] {
  return [type, ...aliases];
}

/** True when the model names another backend than the one it runs on. */
export function isFallback({ name, type }: BackendInstance, { backend }: Model): boolean {
  return backend !== undefined && ![name, ...namesOf(type)].includes(backend);
}

/**
 * The options of the instance for all its models, overridden by the model's. On a fallback, options that only the named
 * engine has are left out.
 */
export function mergedOptions(instance: BackendInstance, model: Model): Readonly<Record<string, unknown>> {
  const known = Object.keys((instance.type.modelOptions['properties'] as object | undefined) ?? {});
  const ofThisEngine = (options: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(options).filter(([name]) => known.includes(name)));
  return {
    ...ofThisEngine(instance.options),
    ...(isFallback(instance, model) ? ofThisEngine(model.options) : model.options),
  };
}

/** The options a model starts with. @throws LaminaError `CONFIG_INVALID` */
export function mergeOptions(instance: BackendInstance, model: Model): Readonly<Record<string, unknown>> {
  const merged = mergedOptions(instance, model);
  const problems = check(instance.type.modelOptions, merged);
  if (problems.length === 0) return merged;
  throw new LaminaError('CONFIG_INVALID', {
    message: `The option ${describeProblems(problems)}, for model "${model.name}" on backend ${instance.name}.`,
    model: model.name,
  });
}
