// What is wrong with the backends and options of a manifest, found without a start and without running an engine.
import type { Model, Models } from '../contract/models.js';
import { check, nearestHint, type Problem } from '../kernel/check.js';
import { mergedOptions, type BackendInstance } from './backend-instance.js';
import type { BackendRegistry } from './backends.js';

/** Everything that is wrong, with the keys from the top of the manifest. */
export function backendProblems(backends: BackendRegistry, models: Pick<Models, 'list'>): readonly Problem[] {
  const own = models.list().filter(({ model }) => model.from === 'manifest' && (model.base ?? model.of) === undefined);
  return [
    ...backends.problems().flatMap(({ name, problems }) => onePerPlace(problems, ['backends', name])),
    ...own.flatMap(({ model, available }) => modelProblems(model, available, backends)),
  ];
}

function modelProblems(model: Model, available: boolean, backends: BackendRegistry): readonly Problem[] {
  const { name, backend, format } = model;
  const named = backends.instancesFor(model);
  const path = ['models', name, 'backend'];
  if (named === undefined) {
    const hint = nearestHint(backend ?? '', backends.names());
    return [{ path, message: `is "${backend}", and no backend has that name; ${hint}` }];
  }
  const formats = named.flatMap(({ backend: { formats }, type }) => formats ?? type.formats);
  // The format of files that are not on disk is not known for sure.
  if (backend !== undefined && available && named.length > 0 && !formats.includes(format))
    return [{ path, message: `is "${backend}", which opens ${formats.join(', ')}, and the model is ${format}` }];
  return optionProblems(named, model);
}

/**
 * What is wrong with the options of a model that runs on one of these instances: on the one that they fit best. Options
 * that the entry of the backend sets are reported there.
 */
function optionProblems(instances: readonly BackendInstance[], model: Model): readonly Problem[] {
  const [best = []] = instances.map((instance) => problemsOn(instance, model)).sort((a, b) => a.length - b.length);
  return onePerPlace(best, ['models', model.name, 'options']);
}

function problemsOn(instance: BackendInstance, model: Model): readonly Problem[] {
  const isOfModel = ({ path: [key] }: Problem) =>
    key === undefined || Object.hasOwn(model.options, key) || !Object.hasOwn(instance.options, key);
  return check(instance.type.modelOptions, mergedOptions(instance, model)).filter(isOfModel);
}

/** One problem for each value; a value that may have several types has one for each of them. */
function onePerPlace(problems: readonly Problem[], lead: readonly string[]): readonly Problem[] {
  const found = new Map<string, Problem>();
  for (const { path, message } of problems) {
    const whole = [...lead, ...path];
    const before = found.get(whole.join('\n'));
    found.set(whole.join('\n'), {
      path: whole,
      message: before === undefined ? message : `${before.message}; ${message}`,
    });
  }
  return [...found.values()];
}
