// What the Hub's refusals mean, each a sentence that says what to do. Statuses and headers as huggingface_hub's
// hf_raise_for_status reads them.
import { LaminaError } from '@lamina/core/plugin';
import type { Token } from './settings.js';

/** What was asked for when the Hub refused. */
export interface Asked {
  readonly repo: string;
  readonly revision?: string;
  readonly path?: string;
  /** The token that was sent. */
  readonly token: Token | undefined;
  readonly endpoint: string;
}

/** The error behind an answer that is not 2xx. Reads the body when the headers do not say why. */
export async function refusal(response: Response, asked: Asked): Promise<LaminaError> {
  const code = response.headers.get('x-error-code') ?? '';
  const reason = response.headers.get('x-error-message') ?? (await bodyReason(response));
  const { status } = response;
  if (code === 'GatedRepo') return gated(status, asked);
  if (/access to this resource is disabled/i.test(reason))
    return denied(`${shown(asked)} is disabled on the Hub and cannot be downloaded by anybody. Choose another model.`);
  if (isBadToken(status, reason)) return badToken(asked);
  if (status === 429) return limited(response, asked);
  if (status === 404 || code.endsWith('NotFound')) return missing(code, asked);
  if (status === 401) return missing('RepoNotFound', asked);
  if (status === 403) return denied(forbidden(asked, reason));
  return unreachable(
    `${hostOf(asked)} answered ${status}${reason === '' ? '' : ` (${reason})`} when it was asked for ${shown(asked)}. ${status >= 500 || status === 408 ? 'Try again in a while.' : 'Look at the model on its page.'}`,
    { status },
  );
}

/** True when the Hub refuses the token itself, which it does even for public models. */
export function isBadToken(status: number, reason: string): boolean {
  return status === 401 && /invalid credentials in authorization header/i.test(reason);
}

/** A model that everybody may look at, but not download. */
function gated(status: number, asked: Asked): LaminaError {
  const page = pageOf(asked);
  if (status === 403)
    return denied(
      `The account of the token from ${asked.token?.from ?? 'nowhere'} is not on the list of those who may download ${asked.repo}. Ask for access at ${page}; if you did, it is waiting for review.`,
      { page },
    );
  if (asked.token === undefined)
    return denied(
      `${asked.repo} is gated: accept its terms at ${page}, make a token at ${asked.endpoint}/settings/tokens and set HF_TOKEN, or the plugin's option \`token\`.`,
      { page },
    );
  return denied(
    `${asked.repo} is gated and the token from ${asked.token.from} is not accepted for it: make a new one at ${asked.endpoint}/settings/tokens, of an account that accepted the terms at ${page}.`,
    { page },
  );
}

/** @returns the sentence for a token that is wrong */
export function badToken({ token, endpoint }: Asked): LaminaError {
  return denied(
    `The Hub does not accept the token from ${token?.from ?? 'the request'}: it is wrong or has expired. Make another at ${endpoint}/settings/tokens, or take it away to go on without.`,
  );
}

function missing(code: string, asked: Asked): LaminaError {
  const { repo, revision, path, token } = asked;
  if (code === 'RevisionNotFound')
    return notFound(
      `${repo}@${revision}`,
      `${repo} is on the Hub but has no branch, tag or commit "${revision}"; see ${pageOf(asked)}/tree/main.`,
    );
  if (code === 'EntryNotFound')
    return notFound(
      `${repo}/${path}`,
      `${repo} is on the Hub but has no file "${path}"${revision === undefined ? '' : ` at ${revision.slice(0, 12)}`}; see ${pageOf(asked)}/tree/main.`,
    );
  if (token === undefined)
    return denied(
      `${hostOf(asked)} has no model ${repo}, or it is private. Check the name; if it is private, set HF_TOKEN to a token that may read it.`,
    );
  return notFound(
    repo,
    `${hostOf(asked)} has no model of that name that the token from ${token.from} may see. Check the name and the rights of the token.`,
  );
}

function forbidden(asked: Asked, reason: string): string {
  const said = reason === '' ? '' : ` (${reason})`;
  if (asked.token === undefined)
    return `${hostOf(asked)} does not let anybody without a token download ${asked.repo}${said}. Set HF_TOKEN.`;
  return `The token from ${asked.token.from} may not read ${asked.repo}${said}. A fine-grained token needs the right to read this repository, or "public gated repositories": see ${asked.endpoint}/settings/tokens.`;
}

function limited(response: Response, asked: Asked): LaminaError {
  const seconds = secondsToWait(response.headers);
  const who = asked.token === undefined ? 'this address; with a token (HF_TOKEN) the limit is higher' : 'this account';
  return unreachable(`${hostOf(asked)} limits the requests of ${who}. Try again in ${seconds} s.`, {
    status: 429,
    retry_after: seconds,
  });
}

/** `RateLimit: "resolvers";r=0;t=87` and Retry-After; the longer one counts. */
function secondsToWait(headers: Headers): number {
  const reset = /(?:^|;)\s*t=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  const after = headers.get('retry-after') ?? '';
  const date = /^\d+$/.test(after) ? Number(after) : Math.ceil((Date.parse(after) - Date.now()) / 1000);
  return Math.max(reset === undefined ? 1 : Number(reset) + 1, Number.isFinite(date) ? date : 1);
}

async function bodyReason(response: Response): Promise<string> {
  const text = (await response.text().catch(() => '')).slice(0, 4096);
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === 'string' ? error : '';
  } catch {
    return response.headers.get('content-type')?.startsWith('text/plain') === true
      ? text.split('\n', 1)[0]!.slice(0, 200)
      : '';
  }
}

/** `SOURCE_DENIED` with this sentence. */
export function denied(message: string, details: Record<string, unknown> = {}): LaminaError {
  return new LaminaError('SOURCE_DENIED', { message, ...details });
}

/** `SOURCE_UNREACHABLE` with this sentence. */
export function unreachable(message: string, details: Record<string, unknown> = {}, cause?: unknown): LaminaError {
  return new LaminaError('SOURCE_UNREACHABLE', { message, ...details }, { cause });
}

/** `MODEL_NOT_FOUND`: nothing at the Hub has that name. */
export function notFound(model: string, hint: string): LaminaError {
  return new LaminaError('MODEL_NOT_FOUND', { model, hint });
}

function pageOf({ endpoint, repo }: Asked): string {
  return `${endpoint}/${repo}`;
}

function hostOf({ endpoint }: Asked): string {
  const { host } = new URL(endpoint);
  return host === 'huggingface.co' ? 'Hugging Face' : host;
}

function shown({ repo, path }: Asked): string {
  return path === undefined ? repo : `${repo}/${path}`;
}
