// `GET /api/tags`, `GET /api/ps` and `POST /api/show`.
import { metadataOf, servedModel } from '@lamina/core';
import { countsModels, LaminaError, type ModelMemory, type SlotSnapshot } from '@lamina/core/plugin';
import type { ServedModel } from '@lamina/core/protocol';
import type { CallerLamina, HttpContext, HttpRoute } from '@lamina/server-koa';
import { architectureOf, modelView, modifiedAt, type MetadataByName } from './model-view.js';
import { askedName, namedModels, requireModel, type NamedModel } from './names.js';

/** `expires_at` of a model that is in use or stays: clients expect a date. */
const never = '2318-01-01T00:00:00Z';

/** States of a model whose weights are in memory. */
const loadedStates: readonly SlotSnapshot['state'][] = ['ready', 'degraded', 'waking'];

/** The routes. */
export const listRoutes: readonly HttpRoute[] = [
  { method: 'GET', path: '/api/tags', scope: 'any', summary: "The models, in Ollama's API", handler: tags },
  { method: 'GET', path: '/api/ps', scope: 'any', summary: "The loaded models, in Ollama's API", handler: loaded },
  {
    method: 'POST',
    path: '/api/show',
    scope: 'any',
    summary: "One model, in Ollama's API",
    body: { type: 'object', properties: { model: { type: 'string' }, name: { type: 'string' } } },
    handler: show,
  },
];

async function tags({ lamina, signal }: HttpContext): Promise<object> {
  const metadata = await lamina.models.metadata({ signal });
  const models = [];
  for (const named of namedModels(lamina.models)) {
    if (!named.record.available) continue;
    // One after the other: a disk that hangs takes one thread, not all.
    models.push({
      ...modelView(named, servedAs(lamina, named, metadata), metadata),
      modified_at: await modifiedAt(named.record),
    });
  }
  return { models };
}

async function loaded({ lamina, signal }: HttpContext): Promise<object> {
  const metadata = await lamina.models.metadata({ signal });
  const slots = lamina.runtime.slots().filter(({ state }) => loadedStates.includes(state));
  const models = slots.flatMap(({ model, idleAt, info, memory }) => {
    const record = lamina.models.get(model);
    if (record === undefined) return []; // Removed while it runs.
    const named = { name: model, record };
    return {
      ...modelView(named, servedAs(lamina, named, metadata), metadata),
      ...(memory === undefined ? {} : sizesOf(memory)),
      expires_at: idleAt ?? never,
      ...(info?.contextLength === undefined ? {} : { context_length: info.contextLength }),
    };
  });
  return { models };
}

/** All the memory of a model, and the part of it that is on devices. */
function sizesOf({ reserved: { host = 0, ...others } }: ModelMemory): { size: number; size_vram: number } {
  const devices = Object.entries(others).filter(([name]) => !countsModels(name));
  const onDevices = devices.reduce((sum, [, bytes]) => sum + bytes, 0);
  return { size: host + onDevices, size_vram: onDevices };
}

async function show({ lamina, body }: HttpContext): Promise<object> {
  const asked = askedName(body as { model?: string; name?: string });
  const named = requireModel(lamina.models, asked);
  // The command `ollama` downloads a model that is not found.
  if (!named.record.available) throw new LaminaError('MODEL_NOT_FOUND', { model: asked, hint: '' });
  const { model } = named.record;
  const metadata = await metadataOf(lamina, lamina.models.resolve(model.name));
  const served = servedAs(lamina, named, metadata);
  const { details, capabilities, name } = modelView(named, served, metadata);
  const { context_length: context } = served;
  return {
    modelfile: `# The entry of this model in models.yaml says how Lamina runs it.\nFROM ${name}\n`,
    ...(context === undefined ? {} : { parameters: `${'num_ctx'.padEnd(30)} ${context}` }),
    template: templateOf(metadata.get(model.name)?.chatTemplate, capabilities),
    details,
    model_info: modelInfo(named, metadata, context),
    capabilities,
    modified_at: await modifiedAt(named.record),
  };
}

/** What Lamina's own list says of a model. */
function servedAs(lamina: CallerLamina, { name, record }: NamedModel, metadata: MetadataByName): ServedModel {
  return servedModel(lamina, record, metadata, { id: name, created: 0 });
}

/** Clients look for the word `tools` in it. */
function templateOf(template = '', capabilities: readonly string[]): string {
  return capabilities.includes('tools') && !template.includes('tools') ? `${template}{# tools #}` : template;
}

/** `context` is what one request can use: clients fill it, and an option may make it shorter than that of the training. */
function modelInfo({ record }: NamedModel, metadata: MetadataByName, context: number | undefined): object {
  const architecture = architectureOf(record, metadata);
  const { parameters, embeddingLength, layers, heads, kvHeads, vocabularySize } = metadata.get(record.model.name) ?? {};
  const info = {
    'general.architecture': architecture,
    'general.basename': record.model.name,
    'general.parameter_count': parameters,
    [`${architecture}.context_length`]: context,
    [`${architecture}.embedding_length`]: embeddingLength,
    [`${architecture}.block_count`]: layers,
    [`${architecture}.attention.head_count`]: heads,
    [`${architecture}.attention.head_count_kv`]: kvHeads,
    [`${architecture}.vocab_size`]: vocabularySize,
  };
  return Object.fromEntries(Object.entries(info).filter(([, value]) => value !== undefined));
}
