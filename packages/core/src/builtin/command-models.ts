// Models that the command line of a backend opens by itself, such as one in a container: they need no files here.
import type { Manifest } from '../contract/manifest.js';
import type { Model } from '../contract/models.js';

/**
 * The model without files, when its entry has no path, none are found under its name, and the command of its backend asks
 * for none; else `undefined`.
 */
export function describeCommandModel(model: Model, { models, backends }: Manifest): Model | undefined {
  const entry = Object.hasOwn(models, model.name) ? models[model.name] : undefined;
  if (model.backendType !== 'command' || entry?.backend === undefined || entry.path !== undefined) return undefined;
  const { formats, ...options } = backends[entry.backend] ?? {};
  const isOnDisk = model.files.some(({ bytes }) => bytes > 0);
  if (isOnDisk || !Array.isArray(formats) || JSON.stringify(options).includes('${MODEL_PATH}')) return undefined;
  return { ...model, files: [], format: entry.format ?? String(formats[0]) };
}
