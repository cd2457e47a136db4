// Errors for failed requests to the Hub. Statuses and headers are read like hf_raise_for_status of huggingface_hub does.
import { LaminaError } from '@lamina/core/plugin';
import { sourceName, type Token } from './settings.js';

/** A request that failed. */
export interface FailedRequest {
  /** Empty for a search. */
  readonly repo: string;
  /** The text of a search. */
  readonly search?: string;
  readonly revision?: string;
  readonly path?: string;
  /** The token that was sent. */
  readonly token: Token | undefined;
  readonly endpoint: string;
}

/** The error for a response that is not 2xx. Reads the body when the headers do not contain the reason. */
export async function responseError(response: Response, failed: FailedRequest): Promise<LaminaError> {
  const code = response.headers.get('x-error-code') ?? '';
  const reason = response.headers.get('x-error-message') ?? (await bodyReason(response));
  const { status } = response;
  if (code === 'GatedRepo') return gated(status, failed);
  if (/access to this resource is disabled/i.test(reason))
    return denied(`${shown(failed)} is disabled on the Hub and cannot be downloaded. Choose another model.`);
  if (isBadToken(status, reason)) return badToken(failed);
  if (status === 429) return rateLimited(response, failed);
  if (failed.search !== undefined) return searchFailed(status, reason, failed);
  if (status === 404 || code.endsWith('NotFound')) return missing(code, failed);
  if (status === 401) return missing('RepoNotFound', failed);
  if (status === 403) return denied(forbidden(failed, reason));
  return unreachable(
    `${hostOf(failed)} responded with status ${status}${reason === '' ? '' : ` (${reason})`} for ${shown(failed)}. ${status >= 500 || status === 408 ? 'Try again later.' : `See ${pageOf(failed)}.`}`,
    { status },
  );
}

function searchFailed(status: number, reason: string, failed: FailedRequest): LaminaError {
  const detail = reason === '' ? '' : ` (${reason})`;
  const message = `${hostOf(failed)} responded with status ${status}${detail} to ${shown(failed)}.`;
  if (status === 401 || status === 403) return denied(`${message} It requires a token: set HF_TOKEN.`);
  const isTemporary = status >= 500 || status === 408;
  return unreachable(`${message} ${isTemporary ? 'Try again later.' : 'Check HF_ENDPOINT.'}`, { status });
}

/** True when the Hub rejects the token itself, which it does for public models too. */
export function isBadToken(status: number, reason: string): boolean {
  return status === 401 && /invalid credentials in authorization header/i.test(reason);
}

/** A model that everybody can see, but not download. */
function gated(status: number, failed: FailedRequest): LaminaError {
  const page = pageOf(failed);
  if (status === 403)
    return denied(
      `The account of the token from ${failed.token?.from ?? 'the request'} has no access to ${failed.repo}. Request access at ${page}; if you have, it is waiting for review.`,
      { page },
    );
  if (failed.token === undefined)
    return denied(
      `${failed.repo} is gated: accept its terms at ${page}, create a token at ${failed.endpoint}/settings/tokens and set HF_TOKEN, or the plugin's option \`token\`.`,
      { page },
    );
  return denied(
    `${failed.repo} is gated and the token from ${failed.token.from} is not valid for it: create a new one at ${failed.endpoint}/settings/tokens with an account that has accepted the terms at ${page}.`,
    { page },
  );
}

/** `SOURCE_DENIED` for a token that no header can contain. */
export function malformedToken({ from }: Token): LaminaError {
  return denied(
    `The token from ${from} contains a space, a line break or another character that is not allowed in a token. Correct it, or remove it to download public models.`,
  );
}

/** `SOURCE_DENIED` for a token that the Hub rejects. */
export function badToken({ token, endpoint }: FailedRequest): LaminaError {
  return denied(
    `The Hub does not accept the token from ${token?.from ?? 'the request'}: it is wrong or has expired. Create another at ${endpoint}/settings/tokens, or remove it to download public models.`,
  );
}

function missing(code: string, failed: FailedRequest): LaminaError {
  const { repo, revision, path, token } = failed;
  if (code === 'RevisionNotFound')
    return notFound(
      `${repo}@${revision}`,
      `${repo} has no branch, tag or commit "${revision}"; see ${pageOf(failed)}/tree/main.`,
    );
  if (code === 'EntryNotFound')
    return notFound(
      `${repo}/${path}`,
      `${repo} has no file "${path}"${revision === undefined ? '' : ` at ${revision.slice(0, 12)}`}; see ${pageOf(failed)}/tree/main.`,
    );
  // The Hub does not tell which of the two it is.
  const what = `It does not exist at ${hostOf(failed)}, or it is private`;
  return notFound(
    repo,
    token === undefined
      ? `${what}. Check the name; if it is private, set HF_TOKEN to a token with read access.`
      : `${what} and the token from ${token.from} cannot read it. Check the name and the permissions of the token.`,
  );
}

function forbidden(failed: FailedRequest, reason: string): string {
  const detail = reason === '' ? '' : ` (${reason})`;
  if (failed.token === undefined)
    return `${hostOf(failed)} requires a token to download ${failed.repo}${detail}. Set HF_TOKEN.`;
  return `The token from ${failed.token.from} has no read access to ${failed.repo}${detail}. A fine-grained token needs read access to this repository, or "public gated repositories": see ${failed.endpoint}/settings/tokens.`;
}

function rateLimited(response: Response, failed: FailedRequest): LaminaError {
  const seconds = secondsToWait(response.headers);
  const who = failed.token === undefined ? 'this address; the limit is higher with a token (HF_TOKEN)' : 'this account';
  return unreachable(`${hostOf(failed)} limits the requests of ${who}. Try again in ${seconds} s.`, {
    status: 429,
    retry_after: seconds,
  });
}

/** The longer of `RateLimit: "resolvers";r=0;t=87` and `Retry-After`. */
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
    return /^text\/plain\b/i.test(response.headers.get('content-type') ?? '')
      ? text.split('\n', 1)[0]!.slice(0, 200)
      : '';
  }
}

/** `SOURCE_DENIED` with this message. */
export function denied(message: string, details: Record<string, unknown> = {}): LaminaError {
  return new LaminaError('SOURCE_DENIED', { message, ...details });
}

/** `SOURCE_UNREACHABLE` with this message. */
export function unreachable(message: string, details: Record<string, unknown> = {}, cause?: unknown): LaminaError {
  return new LaminaError('SOURCE_UNREACHABLE', { message, ...details }, { cause });
}

/** `SOURCE_MODEL_NOT_FOUND` with this hint. */
export function notFound(reference: string, hint: string): LaminaError {
  return new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: sourceName, reference, hint });
}

function pageOf({ endpoint, repo }: FailedRequest): string {
  return `${endpoint}/${repo}`;
}

function hostOf({ endpoint }: FailedRequest): string {
  const { host } = new URL(endpoint);
  return host === 'huggingface.co' ? 'Hugging Face' : host;
}

/** What a request is about. */
export function shown({ repo, path, search }: Pick<FailedRequest, 'repo' | 'path' | 'search'>): string {
  if (search !== undefined) return `the search for "${search}"`;
  return path === undefined ? repo : `${repo}/${path}`;
}
