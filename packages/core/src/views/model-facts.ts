// What clients want to know of a model before they use it: its context, its capabilities, its quantization.
import type { ModelCapability, ModelMetadata, ModelRecord, Models, ResolvedModel } from '../contract/models.js';
import type { SlotSnapshot } from '../contract/runtime.js';
import type { ServedModel } from '../contract/served-models.js';
import { known } from './known.js';
import { answeringRecord, resolved, slotOf, type ModelServices } from './slot-of.js';

/** What is known of a model; what is not known is missing. */
export type ModelFacts = Pick<ServedModel, 'context_length' | 'capabilities' | 'quantization'>;

/** The options with which backends limit the context of a request. */
const contextOptions = ['context_length', 'max_model_len', 'context_window_size'] as const;

/** Routes of engines, and what a model can do that answers them. */
const routes = [
  ['chat/completions', 'chat'],
  ['embeddings', 'embeddings'],
  ['rerank', 'rerank'],
] as const;

/** Metadata by the name of the model. */
type MetadataByName = Pick<ReadonlyMap<string, ModelMetadata>, 'get'>;

/** The metadata of a model and of its base, by name, as their files are now. */
export async function metadataOf(
  { models }: { readonly models: Pick<Models, 'describe'> },
  target: ResolvedModel,
): Promise<ReadonlyMap<string, ModelMetadata>> {
  const names = [...new Set([target.model.name, target.served.name])];
  const described = await Promise.all(names.map((name) => models.describe(name)));
  return new Map(described.flatMap(({ name, metadata }) => (metadata === undefined ? [] : [[name, metadata]])));
}

/**
 * What is known of a model: what its engine reports while it runs, else what its files and options say. An adapter has
 * the context and the capabilities of its base; a model that another one answers for has all facts of that one.
 */
export function modelFacts(lamina: ModelServices, record: ModelRecord, metadataOf: MetadataByName): ModelFacts {
  const { answering, served } = resolved(lamina, record);
  const { info } = slotOf(lamina, record);
  const metadata = { ...metadataOf.get(served.name), ...metadataOf.get(record.model.name) };
  const options = { ...served.options, ...answering.options };
  const contextLength = info?.contextLength ?? plannedContext(options, metadata.contextLength);
  const capabilities = capabilitiesOf(metadata, info);
  const quantization = metadata.quantization ?? answeringRecord(lamina, record).entry.quantization;
  return {
    ...(contextLength === undefined ? {} : { context_length: contextLength }),
    ...(capabilities === undefined ? {} : { capabilities }),
    ...(quantization === undefined ? {} : { quantization }),
  };
}

/** A model as `GET /v1/models` lists it, under its name or an alias; `created` in seconds since 1970. */
export function servedModel(
  lamina: ModelServices,
  record: ModelRecord,
  metadataOf: MetadataByName,
  { id, created }: Pick<ServedModel, 'id' | 'created'>,
): ServedModel {
  const facts = modelFacts(lamina, record, metadataOf);
  const { model } = answeringRecord(lamina, record);
  const metadata = metadataOf.get(record.model.name);
  const { context_length: context, quantization, capabilities } = facts;
  const bytes = model.files.reduce((sum, file) => sum + file.bytes, 0);
  const size = bytes === 0 ? undefined : bytes;
  return {
    id,
    object: 'model',
    created,
    owned_by: 'lamina',
    state: slotOf(lamina, record).state,
    ...facts,
    ...known({ max_model_len: context, size }),
    ...(capabilities === undefined ? {} : { architecture: modalitiesOf(capabilities) }),
    meta: known({
      n_ctx: context,
      n_ctx_train: metadata?.contextLength,
      n_params: metadata?.parameters,
      n_vocab: metadata?.vocabularySize,
      n_embd: metadata?.embeddingLength,
      size,
      ftype: quantization,
    }),
  };
}

function plannedContext(options: Readonly<Record<string, unknown>>, trained: number | undefined): number | undefined {
  const option = contextOptions.map((name) => options[name]).find((value) => typeof value === 'number');
  return option === undefined || trained === undefined ? (option ?? trained) : Math.min(option, trained);
}

function capabilitiesOf({ capabilities }: ModelMetadata, info: SlotSnapshot['info']): ModelCapability[] | undefined {
  const found = new Set(capabilities);
  const set = (capability: ModelCapability, has: boolean | undefined): void => {
    if (has === true) found.add(capability);
    else if (has === false) found.delete(capability);
  };
  const { endpoints, modalities } = info ?? {};
  for (const [route, capability] of routes) {
    const has = endpoints?.includes(route);
    // An engine may have the route of chats for a model that only computes embeddings.
    set(capability, capability === 'chat' && has === true && capabilities !== undefined ? undefined : has);
  }
  set('tools', info?.tools);
  set('reasoning', info?.reasoning);
  set('vision', modalities?.includes('image'));
  set('audio', modalities?.includes('audio'));
  return capabilities === undefined && found.size === 0 ? undefined : [...found];
}

function modalitiesOf(capabilities: readonly ModelCapability[]): NonNullable<ServedModel['architecture']> {
  return {
    input_modalities: [
      'text',
      ...(capabilities.includes('vision') ? ['image'] : []),
      ...(capabilities.includes('audio') ? ['audio'] : []),
    ],
    output_modalities:
      capabilities.includes('embeddings') && !capabilities.includes('chat') ? ['embeddings'] : ['text'],
  };
}
