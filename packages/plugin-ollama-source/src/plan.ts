// Makes the plan of a download: weights, projector and adapters with digests, and the manifest entry of the model.
import type { DownloadPlan, Json, JsonObject, ModelEntry, PlanFile } from '@lamina/core/plugin';
import { incompatibleFamily } from './families.js';
import type { Layer } from './manifest.js';
import { officialHost, shown, sourceName, type Name } from './name.js';
import type { Package } from './package.js';
import { startOptions, unusedParameters } from './parameters.js';

/** Makes the plan. */
export function makePlan(reference: Json, model: Package): DownloadPlan {
  const { name, weights, projector, adapters } = model;
  const base = fileName(name);
  const paths = {
    weights: weights.map((_, index) => shardName(base, index, weights.length)),
    projector: `mmproj-${base}.gguf`,
    adapters: adapters.map((_, index) => `lora-${index + 1}-${base}.gguf`),
  };
  const files = [
    ...weights.map((layer, index) => planFile(name, layer, paths.weights[index]!)),
    ...(projector === undefined ? [] : [planFile(name, projector, paths.projector)]),
    ...adapters.map((layer, index) => planFile(name, layer, paths.adapters[index]!)),
  ];
  const entry: Partial<ModelEntry> = {
    path: paths.weights[0]!,
    ...(projector === undefined ? {} : { projector: paths.projector }),
    ...describe(model),
    ...optionsOf(model),
  };
  return {
    source: sourceName,
    reference: referenceWithDefaults(reference, model),
    revision: model.digest,
    name: shown(name),
    model: entry,
    files,
  };
}

/** Known limitations, for the log and the description of the model. */
export function notices(model: Package): readonly string[] {
  const { adapters } = model;
  return [
    ...differences(model),
    ...(adapters.length === 0
      ? []
      : [
          `It includes ${adapters.length === 1 ? 'an adapter' : `${adapters.length} adapters`} (lora-*.gguf beside the weights): add a manifest entry with \`base\` for ${adapters.length === 1 ? 'it' : 'each'} to use it.`,
        ]),
  ];
}

/** What engines do in another way than Ollama. */
export function differences({
  name,
  config,
  hasTemplate,
  parameters,
}: Pick<Package, 'name' | 'config' | 'hasTemplate' | 'parameters'>): readonly string[] {
  const family =
    name.host.toLowerCase() === officialHost
      ? incompatibleFamily([config.model_family ?? '', ...(config.model_families ?? [])])
      : undefined;
  const unused = unusedParameters(parameters);
  return [
    ...(family === undefined
      ? []
      : [
          `Ollama's files of ${family} models have a layout for its own engine. If llama.cpp cannot open this one, download the model from Hugging Face (hf:org/name).`,
        ]),
    ...(hasTemplate
      ? [
          "Ollama's prompt template is not used, because engines do not support its syntax. The template in the model file is used instead.",
        ]
      : []),
    ...(unused.length === 0
      ? []
      : [`These parameters apply to Ollama's own engine only and are not used: ${unused.join(', ')}.`]),
  ];
}

function describe(model: Package): Partial<ModelEntry> {
  return {
    description: [about(model), ...notices(model)].join(' '),
    ...quantizationOf(model),
  };
}

/** `llama3.2:3b, llama, 3.2B.` */
export function about({ name, config }: Pick<Package, 'name' | 'config'>): string {
  const words = [shown(name), config.model_family, config.model_type];
  return `${words.filter((word) => word !== undefined && word !== '').join(', ')}.`;
}

/** The quantization for an entry, if it is known. */
export function quantizationOf({ config }: Pick<Package, 'config'>): { quantization?: string } {
  return config.file_type === undefined ? {} : { quantization: config.file_type };
}

/** The options for an entry, if there are any. */
export function optionsOf({ parameters }: Pick<Package, 'parameters'>): { options?: Record<string, Json> } {
  const options = startOptions(parameters);
  return Object.keys(options).length === 0 ? {} : { options };
}

/** The reference for the manifest: with the request defaults of the model, which can be edited there. */
export function referenceWithDefaults(
  reference: Json,
  { name, parameters, system }: Pick<Package, 'name' | 'parameters' | 'system'>,
): JsonObject {
  const written = typeof reference === 'object' && reference !== null ? (reference as JsonObject) : {};
  return {
    model: shown(name),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    ...(system === undefined ? {} : { system }),
    ...written,
  };
}

function planFile(name: Name, { digest, size }: Layer, path: string): PlanFile {
  return {
    path,
    bytes: size,
    sha256: digest.slice('sha256:'.length),
    from: { key: `${name.host}/${name.namespace}/${name.model}@${digest}` },
  };
}

function fileName({ model, tag }: Name): string {
  return tag.toLowerCase() === 'latest' ? model : `${model}-${tag}`;
}

/** llama.cpp finds the other shards by the numbers in the name of the first. */
function shardName(base: string, index: number, count: number): string {
  const digits = (number: number) => String(number).padStart(5, '0');
  return count === 1 ? `${base}.gguf` : `${base}-${digits(index + 1)}-of-${digits(count)}.gguf`;
}
