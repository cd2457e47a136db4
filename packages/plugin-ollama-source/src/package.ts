// Reads what a plan needs to know of a model: its manifest, its configuration, and the small layers beside the weights.
import type { JsonObject, SourceContext } from '@lamina/core/plugin';
import {
  parseObject,
  readConfig,
  readManifest,
  requireWeights,
  type Layer,
  type Manifest,
  type ModelConfig,
} from './manifest.js';
import type { Name } from './name.js';
import type { Registries } from './registry.js';

/** A model without the bytes of its weights. */
export interface Package {
  readonly name: Name;
  /** The digest of the manifest, as in `ollama list`. */
  readonly digest: string;
  readonly config: ModelConfig;
  readonly weights: readonly Layer[];
  readonly projector: Layer | undefined;
  readonly adapters: readonly Layer[];
  readonly parameters: JsonObject;
  readonly system: string | undefined;
  readonly hasTemplate: boolean;
  readonly hasMessages: boolean;
}

/** What a store has of a model. */
export type StoredPackage = Omit<Package, 'name' | 'digest'>;

/** Reads a model from a registry. @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `SOURCE_MODEL_NOT_FOUND` */
export async function readPackage(registries: Registries, name: Name, context: SourceContext): Promise<Package> {
  const { text, digest } = await registries.manifest(name, context);
  const manifest = readManifest(text, name);
  return {
    name,
    digest,
    ...(await readLayers(manifest, name, (layer) => registries.text(name, layer.digest, context))),
  };
}

/** Reads the layers of a manifest; `read` returns the text of a small layer. */
export async function readLayers(
  manifest: Manifest,
  name: Name,
  read: (layer: Layer) => Promise<string>,
): Promise<StoredPackage> {
  const { layers } = manifest;
  const config = manifest.config === undefined ? {} : readConfig(await read(manifest.config));
  requireWeights(manifest, config, name);
  const [params] = layers.get('params') ?? [];
  const [system] = layers.get('system') ?? [];
  return {
    config,
    weights: layers.get('model') ?? [],
    projector: layers.get('projector')?.[0],
    adapters: layers.get('adapter') ?? [],
    parameters: params === undefined ? {} : ((parseObject(await read(params)) ?? {}) as JsonObject),
    system: system === undefined ? undefined : await read(system),
    hasTemplate: layers.has('template') || layers.has('prompt'),
    hasMessages: layers.has('messages'),
  };
}
