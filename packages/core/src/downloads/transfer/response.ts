// Interprets the head of a response to a range request.
import { statusError, transferError } from './transfer-error.js';
import type { HttpResponse } from './http.js';

/** What distinguishes one version of a file from another. */
export interface FileVersion {
  /** The size of the file. */
  readonly bytes?: number;
  /** A strong ETag. */
  readonly etag?: string;
  /** Last-Modified, when it is old enough to be a strong validator (RFC 9110, 8.8.2.2). */
  readonly modified?: string;
}

/** What a response contains. */
export type ResponseContent =
  | { readonly kind: 'range'; readonly to: number; readonly version: FileVersion }
  | { readonly kind: 'whole'; readonly version: FileVersion }
  /** 416: the file ends before the requested range. */
  | { readonly kind: 'end'; readonly total: number | undefined };

const maxRetryAfterMs = 3_600_000;

/**
 * Interprets the response to a request for the bytes from `from` on.
 * @throws TransferError when the response does not answer that request
 */
export function readResponse({ status, headers, url }: HttpResponse, from: number, file: string): ResponseContent {
  const { host } = new URL(url);
  if (status === 416) return { kind: 'end', total: unsatisfiedTotal(headers['content-range']) };
  if (status !== 200 && status !== 206) throw statusError(status, host, file, retryAfterMs(headers));
  if (/^text\/html\b/i.test(headers['content-type'] ?? '') && !/\.html?$/i.test(file)) {
    const message = `${host} sends a web page instead of ${file}, such as a login or an error page. Check the URL.`;
    throw transferError('give-up', message);
  }
  if (!/^\s*(identity)?\s*$/i.test(headers['content-encoding'] ?? '')) {
    const message = `${host} sends ${file} compressed although "identity" was requested. Use another URL.`;
    throw transferError('give-up', message);
  }
  if (status === 200) return { kind: 'whole', version: versionOf(headers, integerOf(headers['content-length'])) };
  return readRange(headers, from, file, host);
}

function readRange(headers: HttpResponse['headers'], from: number, file: string, host: string): ResponseContent {
  const range = headers['content-range']?.trim() ?? '';
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range) ?? [];
  if (first === undefined || Number(first) !== from || Number(last) < from) {
    const received = range === '' ? 'no Content-Range' : `Content-Range "${range}"`;
    const message = `${host} responded with ${received} to a request for ${file} from byte ${from} on. Use another URL.`;
    throw transferError('retry', message);
  }
  const to = Number(last) + 1;
  const total = integerOf(size);
  const length = integerOf(headers['content-length']) ?? to - from;
  if (length !== to - from || to > (total ?? to)) {
    const received = `Content-Range "${range}", Content-Length ${length}`;
    throw transferError('retry', `${host} sends contradictory sizes for ${file}: ${received}. Use another URL.`);
  }
  return { kind: 'range', to, version: versionOf(headers, total) };
}

/** False when the two contradict each other; what one of them does not know is ignored. */
export function isSameVersion(a: FileVersion, b: FileVersion): boolean {
  return (['bytes', 'etag', 'modified'] as const).every(
    (key) => a[key] === undefined || b[key] === undefined || a[key] === b[key],
  );
}

/** The value for `If-Range`; `undefined` when the server sent no strong validator. */
export function validatorOf({ etag, modified }: FileVersion): string | undefined {
  return etag ?? modified;
}

function versionOf(headers: HttpResponse['headers'], bytes: number | undefined): FileVersion {
  const { etag, 'last-modified': modified, date } = headers;
  const isStrong = modified !== undefined && date !== undefined && Date.parse(date) - Date.parse(modified) >= 1000;
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(etag?.startsWith('"') === true ? { etag } : {}),
    ...(isStrong ? { modified } : {}),
  };
}

/** The pause that `Retry-After` (seconds or a date) and `RateLimit` (`"api";r=0;t=55`) ask for; at most an hour. */
function retryAfterMs(headers: HttpResponse['headers']): number | undefined {
  const after = headers['retry-after']?.trim();
  const seconds = after === undefined ? NaN : (integerOf(after) ?? (Date.parse(after) - Date.now()) / 1000);
  const [, remaining, reset] = /;\s*r=(\d+);\s*t=(\d+)/.exec(headers['ratelimit'] ?? '') ?? [];
  const pauses = [seconds, remaining === '0' ? Number(reset) + 1 : NaN].filter((value) => value >= 0);
  return pauses.length === 0 ? undefined : Math.min(Math.max(...pauses) * 1000, maxRetryAfterMs);
}

function unsatisfiedTotal(range: string | undefined): number | undefined {
  return integerOf(/^bytes \*\/(\d+)$/.exec(range?.trim() ?? '')?.[1]);
}

function integerOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
