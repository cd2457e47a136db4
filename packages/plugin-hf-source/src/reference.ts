// Parses references to models of the Hub.
import { isSafePath, LaminaError, type Json } from '@lamina/core/plugin';

/** A parsed reference. */
export interface Reference {
  readonly repo: string;
  /** Branch, tag or commit; default the main branch. */
  readonly revision?: string;
  /** One file of the repository. */
  readonly filename?: string;
  /** Only files below this directory. */
  readonly directory?: string;
  /** The label of a quantization, as in `org/name:Q8_0`. */
  readonly quant?: string;
}

const officialHosts = ['huggingface.co', 'www.huggingface.co', 'hf.co', 'www.hf.co'];

/**
 * Parses a reference; `undefined` when it does not belong to the Hub.
 * @throws LaminaError `REQUEST_INVALID` for a malformed reference to the Hub
 */
export function parseReference(reference: Json, endpoint: string): Reference | undefined {
  const parsed = parse(reference, endpoint);
  const path = parsed?.filename ?? parsed?.directory;
  if (path !== undefined && !isSafePath(path)) throw invalid(`"${path}" is not a path in a repository`);
  return parsed;
}

function parse(reference: Json, endpoint: string): Reference | undefined {
  if (typeof reference === 'string') return parseText(reference.trim(), endpoint);
  if (typeof reference !== 'object' || reference === null || Array.isArray(reference) || !('repo_id' in reference))
    return undefined;
  const { repo_id: repo, filename, revision } = reference;
  const parts = { repo_id: repo, filename, revision };
  const wrong = Object.entries(parts).find(
    ([, value]) => value !== undefined && (typeof value !== 'string' || value.trim() === ''),
  );
  if (wrong !== undefined)
    throw invalid(`\`${wrong[0]}\` must be a string, as in { repo_id: "org/name", filename: "model-Q4_K_M.gguf" }`);
  const { repo: named, quant } = splitQuant(repo as string);
  if (!isRepository(named)) throw invalid(`"${named}" is not the name of a repository; write it as "org/name"`);
  return {
    repo: named,
    ...given({ quant, filename: filename as string | undefined, revision: revision as string | undefined }),
  };
}

function parseText(text: string, endpoint: string): Reference | undefined {
  const [, prefix] = /^(hf:(?:\/\/)?)/i.exec(text) ?? [];
  if (prefix !== undefined) return ownName(text.slice(prefix.length), text);
  const [, host, path] = /^(?:https?:\/\/)?([^/]+)\/(.*)$/i.exec(text) ?? [];
  if (host !== undefined && isHub(host, text, endpoint)) return parsePath(pathBelow(endpoint, host, path!), text);
  const { repo, quant } = splitQuant(text);
  return repo.includes('/') && isRepository(repo) ? { repo, ...given({ quant }) } : undefined;
}

/** Official hosts are recognised without a scheme; a mirror needs it, because `mirror/name` could be a repository. */
function isHub(host: string, text: string, endpoint: string): boolean {
  if (officialHosts.includes(host.toLowerCase())) return true;
  return /^https?:/i.test(text) && host.toLowerCase() === new URL(endpoint).host;
}

function pathBelow(endpoint: string, host: string, path: string): string {
  const { host: own, pathname } = new URL(endpoint);
  const base = pathname.replace(/^\//, '');
  return host === own && base !== '' && path.startsWith(`${base}/`) ? path.slice(base.length + 1) : path;
}

/** `org/name`, `org/name:quant`, `org/name/blob/main/file.gguf`, `org/name/tree/main/BF16`. */
function parsePath(path: string, text: string): Reference {
  const parts = path
    .replace(/[?#].*$/, '')
    .replace(/\/+$/, '')
    .split('/')
    .map((part) => decode(part, text));
  if (['datasets', 'spaces', 'api', 'collections', 'buckets'].includes(parts[0]!))
    throw invalid(`"${text}" is not a model but belongs to the ${parts[0]} of the Hub`);
  const verb = parts.findIndex(
    (part, index) => index > 0 && index < 3 && ['blob', 'resolve', 'raw', 'tree'].includes(part),
  );
  if (verb < 0) return ownName(parts.join('/'), text);
  const rest = parts.slice(verb + 1);
  const revision = rest[0] === 'refs' ? rest.splice(0, 3).join('/') : rest.shift();
  const below = rest.join('/');
  const file = parts[verb] === 'tree' ? { directory: below } : { filename: below };
  return { ...ownName(parts.slice(0, verb).join('/'), text), ...given({ revision, ...(below === '' ? {} : file) }) };
}

function ownName(written: string, text: string): Reference {
  const { repo, quant } = splitQuant(written);
  if (!isRepository(repo)) throw invalid(`"${text}" names no repository; write it as "org/name" or "org/name:Q4_K_M"`);
  return { repo, ...given({ quant }) };
}

function splitQuant(text: string): { repo: string; quant?: string } {
  const colon = text.indexOf(':');
  if (colon < 0) return { repo: text };
  return { repo: text.slice(0, colon), quant: text.slice(colon + 1) };
}

/** The rule of huggingface_hub's validate_repo_id. The oldest models have no organization. */
export function isRepository(name: string): boolean {
  const parts = name.split('/');
  if (parts.length > 2 || name.length > 96 || /--|\.\.|\.git$/.test(name)) return false;
  return parts.every((part) => /^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/i.test(part));
}

function decode(part: string, text: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid(`"${text}" is not a valid URL`);
  }
}

function given<T extends Record<string, string | undefined>>(parts: T): { [Key in keyof T]?: string } {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined && value !== '')) as {
    [Key in keyof T]?: string;
  };
}

function invalid(why: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', {
    message: `Invalid Hugging Face reference: ${why}.`,
    param: 'reference',
  });
}
