// Finds out how models would run, for the views that show it: their headers are read, and engines are probed.
import type { BackendChoice, Backends } from '../contract/backends.js';
import type { Model, ModelMetadata, ModelRecord, Models } from '../contract/models.js';

/** How a model would run. */
export interface ModelRun {
  readonly choice: BackendChoice;
  readonly metadata?: ModelMetadata;
}

interface Services {
  readonly models: Pick<Models, 'describe' | 'resolve'>;
  readonly backends: Pick<Backends, 'chooser'>;
}

/** How each of these models would run, by name. @throws the reason of the signal */
export async function modelRuns(
  { models, backends }: Services,
  records: readonly ModelRecord[],
  options: { signal?: AbortSignal } = {},
): Promise<ReadonlyMap<string, ModelRun>> {
  const choose = backends.chooser(options);
  const runs = records.map(async ({ model, available }) => {
    // It may have been removed meanwhile.
    const described = available ? await describeAnswering(models, model).catch(() => model) : model;
    const { metadata } = described;
    return [model.name, { choice: await choose(described), ...(metadata === undefined ? {} : { metadata }) }] as const;
  });
  return new Map(await Promise.all(runs));
}

async function describeAnswering(models: Services['models'], { name }: Model): Promise<Model> {
  return models.describe(models.resolve(name).answering.name);
}
