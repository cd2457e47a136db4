// Parses names of Ollama models, `[host/][namespace/]model[:tag]`, by the rules of its types/model/name.go.
import { LaminaError, type Json } from '@lamina/core/plugin';

/** A complete name. */
export interface Name {
  readonly host: string;
  readonly namespace: string;
  readonly model: string;
  readonly tag: string;
}

/** The key under `download:` in models.yaml. */
export const sourceName = 'ollama';

/** The registry of names without a host. */
export const officialHost = 'registry.ollama.ai';

const part = /^[a-z0-9_][a-z0-9_.-]{0,79}$/i;
const namespacePart = /^[a-z0-9_][a-z0-9_-]{0,79}$/i;
const hostPart = /^(\[[0-9a-f:]+\]|[a-z0-9_][a-z0-9_.-]*)(:\d{1,5})?$/i;

/**
 * Parses a reference; `undefined` when it is not the name of an Ollama model.
 * @throws LaminaError `REQUEST_INVALID` for `{ model }` with an invalid name
 */
export function nameOf(reference: Json): Name | undefined {
  if (typeof reference === 'string') return parseText(reference.trim());
  if (typeof reference !== 'object' || reference === null || Array.isArray(reference) || !('model' in reference))
    return undefined;
  const { model } = reference;
  const name = typeof model === 'string' ? parseName(withoutScheme(model.trim())) : undefined;
  if (name === undefined)
    throw new LaminaError('REQUEST_INVALID', {
      message: `${JSON.stringify(model)} is not the name of an Ollama model; write it as "llama3.2:3b", "name/model:tag" or "registry.example:5000/name/model:tag".`,
      param: 'reference',
    });
  return name;
}

/** A string may also be a path or any URL: only valid names are accepted. */
function parseText(text: string): Name | undefined {
  const [, prefix] = /^(ollama:(?:\/\/)?)/i.exec(text) ?? [];
  if (prefix !== undefined) return parseName(text.slice(prefix.length));
  const [, site] = /^https?:\/\/(?:www\.)?(?:ollama\.com|registry\.ollama\.ai)\/([^?#]+?)\/?$/i.exec(text) ?? [];
  if (site !== undefined) return parseName(site);
  return /\.(gguf|safetensors)$/i.test(text) ? undefined : parseName(text);
}

function parseName(text: string): Name | undefined {
  const parts = text.split('/');
  const [model = '', tag = 'latest', ...more] = parts.at(-1)!.split(':');
  const namespace = parts.at(-2) ?? 'library';
  const host = parts.at(-3) ?? officialHost;
  const fits =
    parts.length <= 3 &&
    more.length === 0 &&
    part.test(model) &&
    part.test(tag) &&
    namespacePart.test(namespace) &&
    hostPart.test(host) &&
    host.length <= 350;
  return fits ? { host: host.replace(/^(www\.)?ollama\.com$/i, officialHost), namespace, model, tag } : undefined;
}

/** Whether a registry uses http is a setting of the operator, not part of a reference. */
function withoutScheme(text: string): string {
  return text.replace(/^https?:\/\/(?:www\.)?/i, '');
}

/** The name as Ollama shows it, without default host and namespace. */
export function shown({ host, namespace, model, tag }: Name): string {
  const official = host.toLowerCase() === officialHost;
  const short = official && namespace.toLowerCase() === 'library' ? model : `${namespace}/${model}`;
  return `${official ? short : `${host}/${short}`}:${tag}`;
}
