// What a registry's refusals mean, each a sentence that says what to do.
import { LaminaError } from '@lamina/core/plugin';
import { officialHost, shown, type Name } from './name.js';

/** The error behind an answer that is not 2xx. */
export async function refusal(response: Response, name: Name): Promise<LaminaError> {
  const { status } = response;
  const reason = await bodyReason(response);
  const said = reason === '' ? '' : ` (${reason})`;
  if (status === 404) return missing(name);
  if (status === 401 || status === 403) return denied(closed(name, said));
  if (status === 429) return limited(response, name);
  const advice = status >= 500 || status === 408 ? 'Try again in a while.' : 'See what its page says.';
  return unreachable(`${name.host} answered ${status}${said} when it was asked for ${shown(name)}. ${advice}`, {
    status,
  });
}

function missing(name: Name): LaminaError {
  const page = `https://ollama.com/${name.namespace}/${name.model}`;
  const official = name.host.toLowerCase() === officialHost;
  const hint = official
    ? `The Ollama registry has no such model, or not that tag: see ${page}/tags.`
    : `The registry ${name.host} has no such model, or not that tag.`;
  return new LaminaError('MODEL_NOT_FOUND', { model: shown(name), hint });
}

function closed({ host, namespace, model, tag }: Name, said: string): string {
  const name = shown({ host, namespace, model, tag });
  if (/^(hf\.co|huggingface\.co)$/i.test(host))
    return `Hugging Face does not give ${name} to everybody${said}: it is gated, private or not there. Use the source huggingface (@lamina/plugin-hf-source) with a token.`;
  if (host.toLowerCase() === officialHost)
    return `${name} is private or does not exist${said}. Lamina has no key of an Ollama account: run "ollama pull ${name}", and Lamina finds it in Ollama's own store.`;
  return `The registry ${host} does not give ${name} to everybody${said}, and Lamina has no account there. Make it readable for all, or pull it with "ollama pull ${name}".`;
}

function limited(response: Response, name: Name): LaminaError {
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  const seconds = Number.isFinite(after) && after > 0 ? after : 60;
  return unreachable(`${name.host} limits the requests of this address. Try again in ${seconds} s.`, {
    status: 429,
    retry_after: seconds,
  });
}

/** Registries answer `{"errors":[{"code","message"}]}`, the Hub `{"error"}`. */
async function bodyReason(response: Response): Promise<string> {
  const text = (await response.text().catch(() => '')).slice(0, 4096);
  try {
    const { errors, error } = JSON.parse(text) as { errors?: { message?: string; code?: string }[]; error?: unknown };
    return errors?.[0]?.message ?? errors?.[0]?.code ?? (typeof error === 'string' ? error : '');
  } catch {
    return '';
  }
}

/** `SOURCE_DENIED` with this sentence. */
export function denied(message: string): LaminaError {
  return new LaminaError('SOURCE_DENIED', { message });
}

/** `SOURCE_UNREACHABLE` with this sentence. */
export function unreachable(message: string, details: Record<string, unknown> = {}, cause?: unknown): LaminaError {
  return new LaminaError('SOURCE_UNREACHABLE', { message, ...details }, { cause });
}
