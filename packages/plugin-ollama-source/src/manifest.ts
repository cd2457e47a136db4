// A manifest of Ollama's: its layers by kind, and what its configuration says. The same JSON comes from a registry and
// lies in a store.
import { shown, type Name } from './name.js';
import { denied, unreachable } from './errors.js';

/** One layer: a blob, by digest and size. */
export interface Layer {
  readonly digest: string;
  readonly size: number;
}

/** A manifest, sorted. */
export interface Manifest {
  readonly config: Layer | undefined;
  /** Kind (`model`, `projector`, `params`, …) → its layers, in order. */
  readonly layers: ReadonlyMap<string, readonly Layer[]>;
}

/** The part of the configuration blob that matters here. */
export interface ModelConfig {
  readonly model_format?: string;
  readonly model_family?: string;
  readonly model_families?: readonly string[] | null;
  readonly model_type?: string;
  readonly file_type?: string;
  readonly remote_host?: string;
  readonly remote_model?: string;
}

const kind = /^application\/vnd\.ollama\.image\.([a-z]+)$/;

/** Reads a manifest. @throws LaminaError `SOURCE_UNREACHABLE` when it is none */
export function readManifest(text: string, name: Name): Manifest {
  const json = parseObject(text);
  const all = Array.isArray(json?.['layers']) ? (json['layers'] as unknown[]) : undefined;
  if (all === undefined)
    throw unreachable(`What ${name.host} has as ${shown(name)} is not a model: its manifest lists no layers.`);
  const layers = new Map<string, Layer[]>();
  for (const one of all) {
    const type = kind.exec(String((one as { mediaType?: unknown } | undefined)?.mediaType))?.[1];
    const layer = asLayer(one);
    if (type !== undefined && layer !== undefined) layers.set(type, [...(layers.get(type) ?? []), layer]);
  }
  return { config: asLayer(json!['config']), layers };
}

/** Reads the configuration blob; one that is no JSON says nothing. */
export function readConfig(text: string): ModelConfig {
  return parseObject(text) ?? {};
}

/** Refuses what has no weights to download, and says why. @throws LaminaError `SOURCE_DENIED` */
export function requireWeights({ layers }: Manifest, config: ModelConfig, name: Name): void {
  if (config.remote_host !== undefined || config.remote_model !== undefined) {
    throw denied(
      `${shown(name)} is a cloud model: it runs on the machines of ${config.remote_host ?? 'its provider'} and has no weights to download. Choose one without "cloud" in its tag.`,
    );
  }
  if (layers.has('model')) return;
  if (layers.has('tensor') || config.model_format === 'safetensors')
    throw denied(
      `${shown(name)} is stored one blob a tensor, for Ollama's own engine on Apple machines; no other engine opens that. Get the model from Hugging Face instead.`,
    );
  throw denied(
    `${shown(name)} has no weights to download${layers.has('adapter') ? ': it is an adapter alone' : ''}. Choose another model or tag.`,
  );
}

function asLayer(value: unknown): Layer | undefined {
  const { digest, size } = (value ?? {}) as Partial<Layer>;
  return typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest) && Number.isSafeInteger(size) && size! >= 0
    ? { digest, size: size! }
    : undefined;
}

/** JSON that is an object; anything else is `undefined`. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
