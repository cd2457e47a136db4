// The plan of a download: weights, projector and adapters by digest, and what the manifest will say of the model.
import type { DownloadPlan, Json, JsonObject, ModelEntry, PlanFile } from '@lamina/core/plugin';
import { ownFamily } from './families.js';
import type { Layer } from './manifest.js';
import { officialHost, shown, type Name } from './name.js';
import type { Package } from './package.js';
import { startOptions, unusedParameters } from './parameters.js';

/** The key under `download:` in models.yaml. */
export const sourceName = 'ollama';

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
    reference: detailed(reference, model),
    revision: model.digest,
    name: shown(name),
    model: entry,
    files,
  };
}

/** What a person should know before they wonder. */
export function notices({ name, config, hasTemplate, parameters, adapters }: Package): readonly string[] {
  const own =
    name.host.toLowerCase() === officialHost
      ? ownFamily([config.model_family ?? '', ...(config.model_families ?? [])])
      : undefined;
  const unused = unusedParameters(parameters);
  return [
    ...(own === undefined
      ? []
      : [
          `Ollama lays out the files of ${own} models for its own engine, and llama.cpp may not open this one: if it does not start, pull the same model from Hugging Face (hf:org/name).`,
        ]),
    ...(hasTemplate
      ? [
          "Ollama's prompt template is not used, because it is in another language than engines take: the template in the model file is.",
        ]
      : []),
    ...(unused.length === 0
      ? []
      : [`These parameters are only for Ollama's own engine and are not used: ${unused.join(', ')}.`]),
    ...(adapters.length === 0
      ? []
      : [
          `It comes with ${adapters.length === 1 ? 'an adapter' : `${adapters.length} adapters`} (lora-*.gguf beside the weights): give ${adapters.length === 1 ? 'it' : 'each'} an entry with \`base\` to use it.`,
        ]),
  ];
}

function describe(model: Package): Partial<ModelEntry> {
  const { name, config } = model;
  const about = [shown(name), config.model_family, config.model_type]
    .filter((word) => word !== undefined && word !== '')
    .join(', ');
  return {
    description: [`${about}.`, ...notices(model)].join(' '),
    ...(config.file_type === undefined ? {} : { quantization: config.file_type }),
  };
}

function optionsOf({ parameters }: Package): { options?: Record<string, Json> } {
  const options = startOptions(parameters);
  return Object.keys(options).length === 0 ? {} : { options };
}

/**
 * The reference as the manifest keeps it: with what the package says of requests, for a person to read and change. What
 * is written already stays.
 */
function detailed(reference: Json, { name, parameters, system }: Package): JsonObject {
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
