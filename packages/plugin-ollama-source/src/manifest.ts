// Parses the manifests and configurations of Ollama models. Registries and stores use the same JSON.
import { isMapping, parseJson } from '@lamina/core/plugin';
import { shown, type Name } from './name.js';
import { denied, unreachable } from './errors.js';

/** A blob. */
export interface Layer {
  readonly digest: string;
  readonly size: number;
}

/** A parsed manifest. */
export interface Manifest {
  readonly config: Layer | undefined;
  /** The layers by kind (`model`, `projector`, `params`, …). */
  readonly layers: ReadonlyMap<string, readonly Layer[]>;
}

/** The used properties of the configuration blob. */
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

/** Parses a manifest. @throws LaminaError `SOURCE_UNREACHABLE` when it is not valid */
export function readManifest(text: string, name: Name): Manifest {
  const json = parseObject(text);
  const all = Array.isArray(json?.['layers']) ? (json['layers'] as unknown[]) : undefined;
  if (all === undefined)
    throw unreachable(`${shown(name)} at ${name.host} is not a model: its manifest has no layers.`);
  const layers = new Map<string, Layer[]>();
  for (const one of all) {
    const type = kind.exec(String((one as { mediaType?: unknown } | undefined)?.mediaType))?.[1];
    if (type === undefined) continue;
    const known = layers.get(type) ?? [];
    known.push(readLayer(one, type, name));
    layers.set(type, known);
  }
  const config = json!['config'];
  return { config: config === undefined ? undefined : readLayer(config, 'config', name), layers };
}

/** Parses the configuration blob; empty when it is not valid JSON. */
export function readConfig(text: string): ModelConfig {
  return parseObject(text) ?? {};
}

/** @throws LaminaError `SOURCE_DENIED`, with the reason, when a model has no weights to download */
export function requireWeights({ layers }: Manifest, config: ModelConfig, name: Name): void {
  if (config.remote_host !== undefined || config.remote_model !== undefined) {
    throw denied(
      `${shown(name)} is a cloud model: it runs on the machines of ${config.remote_host ?? 'its provider'} and has no weights to download. Choose one without "cloud" in its tag.`,
    );
  }
  if (layers.has('model')) return;
  if (layers.has('tensor') || config.model_format === 'safetensors')
    throw denied(
      `${shown(name)} has one blob per tensor, a format for Ollama's engine on Apple machines that no other engine supports. Download the model from Hugging Face instead.`,
    );
  throw denied(
    `${shown(name)} has no weights to download${layers.has('adapter') ? ': it is only an adapter' : ''}. Choose another model or tag.`,
  );
}

function readLayer(value: unknown, type: string, name: Name): Layer {
  const { digest, size } = (value ?? {}) as Partial<Layer>;
  const isDigest = typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest);
  if (isDigest && Number.isSafeInteger(size) && size! >= 0) return { digest, size: size! };
  const problem = isDigest ? `the size ${JSON.stringify(size)}` : `the digest ${JSON.stringify(digest)}`;
  throw unreachable(
    `The manifest of ${shown(name)} at ${name.host} is invalid: its layer "${type}" has ${problem}. Choose another tag.`,
  );
}

/** Parses a JSON object; `undefined` for anything else. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  return isMapping(value) ? value : undefined;
}
