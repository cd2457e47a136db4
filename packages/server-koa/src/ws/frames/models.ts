// The frames of models: what the routes /models, /ps and /suggest do.
import { metadataOf, modelDetail, modelsView, modelView, psView, suggestionView, type ModelRecord } from '@lamina/core';
import type {
  ClientFrame,
  EngineLogView,
  ModelDetail,
  ModelsView,
  ModelView,
  PsView,
  SuggestionView,
} from '@lamina/core/protocol';
import { hasScope } from '../../middleware/authentication.js';
import { matchingModels } from '../../routes/library.js';
import type { Peer } from '../peer.js';

/** `model.list` */
export function listModels(filter: ClientFrame<'model.list'>, { lamina }: Peer): ModelsView {
  return modelsView(lamina, matchingModels(lamina, lamina.models.list(), filter));
}

/** `model.get` */
export async function getModel({ model }: ClientFrame<'model.get'>, { lamina }: Peer): Promise<ModelDetail> {
  const target = lamina.models.resolve(model);
  const metadata = await metadataOf(lamina, target);
  return modelDetail(lamina, lamina.models.get(target.model.name) as ModelRecord, metadata);
}

/** `model.ps` */
export function modelsInUse(_frame: ClientFrame<'model.ps'>, { lamina, caller }: Peer): PsView {
  return psView(lamina, { showProcesses: hasScope(caller, 'manage') });
}

/** `model.logs` */
export function engineLog(
  { model, after, limit, follow = false }: ClientFrame<'model.logs'>,
  { lamina }: Peer,
  signal: AbortSignal,
): EngineLogView | AsyncIterable<object> {
  const range = { ...(after === undefined ? {} : { after }), ...(limit === undefined ? {} : { limit }) };
  if (follow) return lamina.logs.follow(model, { ...range, signal: AbortSignal.any([signal, lamina.closing]) });
  return { lines: lamina.logs.lines(model, range) };
}

/** `model.suggest` */
export async function suggestModel(
  { request }: ClientFrame<'model.suggest'>,
  { lamina }: Peer,
  signal: AbortSignal,
): Promise<SuggestionView> {
  return suggestionView(lamina, await lamina.suggestions.suggest(request, { signal }));
}

/** `model.start`, `model.stop` */
export async function changeModel(
  { type, model: name }: ClientFrame<'model.start' | 'model.stop'>,
  { lamina }: Peer,
  signal: AbortSignal,
): Promise<ModelView> {
  const { model, served } = lamina.models.resolve(name);
  if (type === 'model.start') await lamina.runtime.start(served.name, { signal });
  else await lamina.runtime.stop(served.name, { signal, reason: 'requested' });
  return modelView(lamina, lamina.models.get(model.name) as ModelRecord);
}
