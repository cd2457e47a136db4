// Names of models as Ollama's clients write them: with or without the tag `latest`, in any case.
import { LaminaError, type ModelRecord, type Models } from '@lamina/core/plugin';
import { invalid } from './errors.js';

/** A model, and the name or alias by which a client knows it. */
export interface NamedModel {
  readonly name: string;
  readonly record: ModelRecord;
}

const officialPrefix = /^(?:registry\.ollama\.ai\/|ollama\.com\/)?(?:library\/)?/i;

/** The name as lists show it: always with a tag, without Ollama's own registry and namespace. */
export function shownName(name: string): string {
  const short = name.replace(officialPrefix, '');
  const hasTag = short.includes(':', short.lastIndexOf('/') + 1);
  return hasTag ? short : `${short}:latest`;
}

/** All models that can be used, by their names and aliases. */
export function namedModels(models: Pick<Models, 'list'>): readonly NamedModel[] {
  return models
    .list()
    .flatMap((record) => [record.model.name, ...record.model.aliases].map((name) => ({ name, record })));
}

/** The model that a client means; `undefined` when there is none. A name that is written exactly so is preferred. */
export function findModel(models: Pick<Models, 'get' | 'list'>, asked: string): NamedModel | undefined {
  const record = models.get(asked);
  if (record !== undefined) return { name: asked, record };
  const wanted = keyOf(asked);
  const found = namedModels(models).filter(({ name }) => keyOf(name) === wanted);
  return found.find(({ name }) => name === asked) ?? found[0];
}

/** @throws LaminaError `MODEL_NOT_FOUND` */
export function requireModel(models: Pick<Models, 'get' | 'list'>, asked: string): NamedModel {
  const found = findModel(models, asked);
  if (found === undefined) throw new LaminaError('MODEL_NOT_FOUND', { model: asked, hint: '' });
  return found;
}

/** The name in a request: `model`, or `name` of older clients. @throws LaminaError `REQUEST_INVALID` */
export function askedName({ model, name }: { readonly model?: string; readonly name?: string }): string {
  const asked = model || name;
  if (asked === undefined || asked === '') throw invalid('"model" is required: the name of a model.');
  return asked;
}

function keyOf(name: string): string {
  return shownName(name).toLowerCase();
}
