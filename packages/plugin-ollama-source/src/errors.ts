// Errors for failed requests to a registry.
import { LaminaError } from '@lamina/core/plugin';
import { officialHost, shown, sourceName, type Name } from './name.js';

/** The error for a response that is not 2xx. */
export async function responseError(response: Response, name: Name): Promise<LaminaError> {
  const { status } = response;
  const reason = await bodyReason(response);
  const detail = reason === '' ? '' : ` (${reason})`;
  if (status === 404) return missing(name);
  if (status === 401 || status === 403) return denied(deniedMessage(name, detail));
  if (status === 429) return rateLimited(response, name);
  const advice = status >= 500 || status === 408 ? 'Try again later.' : 'Check the name of the model.';
  return unreachable(`${name.host} responded with status ${status}${detail} for ${shown(name)}. ${advice}`, {
    status,
  });
}

function missing(name: Name): LaminaError {
  const page = `https://ollama.com/${name.namespace}/${name.model}`;
  const official = name.host.toLowerCase() === officialHost;
  const hint = official
    ? `The Ollama registry does not have this model or tag: see ${page}/tags.`
    : `The registry ${name.host} does not have this model or tag.`;
  return new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: sourceName, reference: shown(name), hint });
}

function deniedMessage({ host, namespace, model, tag }: Name, detail: string): string {
  const name = shown({ host, namespace, model, tag });
  if (/^(hf\.co|huggingface\.co)$/i.test(host))
    return `Hugging Face denies access to ${name}${detail}: it is gated, private or does not exist. Use the source huggingface (@lamina/plugin-hf-source) with a token.`;
  if (host.toLowerCase() === officialHost)
    return `${name} is private or does not exist${detail}. Lamina cannot use an Ollama account: run "ollama pull ${name}", and Lamina finds the model in Ollama's store.`;
  return `The registry ${host} denies access to ${name}${detail}, and Lamina cannot log in to registries. Make the model public, or run "ollama pull ${name}".`;
}

function rateLimited(response: Response, name: Name): LaminaError {
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  const seconds = Number.isFinite(after) && after > 0 ? after : 60;
  return unreachable(`${name.host} limits the requests of this address. Try again in ${seconds} s.`, {
    status: 429,
    retry_after: seconds,
  });
}

/** Registries send `{"errors":[{"code","message"}]}`, the Hub `{"error"}`. */
async function bodyReason(response: Response): Promise<string> {
  const text = (await response.text().catch(() => '')).slice(0, 4096);
  try {
    const { errors, error } = JSON.parse(text) as { errors?: { message?: string; code?: string }[]; error?: unknown };
    return errors?.[0]?.message ?? errors?.[0]?.code ?? (typeof error === 'string' ? error : '');
  } catch {
    return '';
  }
}

/** `SOURCE_DENIED` with this message. */
export function denied(message: string): LaminaError {
  return new LaminaError('SOURCE_DENIED', { message });
}

/** `SOURCE_UNREACHABLE` with this message. */
export function unreachable(message: string, details: Record<string, unknown> = {}, cause?: unknown): LaminaError {
  return new LaminaError('SOURCE_UNREACHABLE', { message, ...details }, { cause });
}
