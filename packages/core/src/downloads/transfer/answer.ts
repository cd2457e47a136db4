// What the answer to a request for a range really is: that range, the whole file, the end, or none of these.
import type { Answer } from './http.js';
import { fault, faultOfStatus } from './fault.js';
import { askedPauseMs } from './retry.js';

/** What tells one version of a file from another. */
export interface Version {
  /** Its size. */
  readonly bytes?: number;
  /** A strong ETag. */
  readonly etag?: string;
  /** A Last-Modified that is old enough to tell versions apart. */
  readonly modified?: string;
}

/** What an answer brings. */
export type Brought =
  | { readonly kind: 'range'; readonly to: number; readonly version: Version }
  | { readonly kind: 'whole'; readonly version: Version }
  /** There is nothing there: the file ends before. */
  | { readonly kind: 'end'; readonly total: number | undefined };

/**
 * Reads the head of an answer to a request for the bytes from `from` on.
 * @throws Fault when it is none of what was asked for
 */
export function readAnswer({ status, headers, url }: Answer, from: number, file: string, now: number): Brought {
  const { host } = new URL(url);
  if (status === 416) return { kind: 'end', total: totalOf(headers['content-range']) };
  if (status !== 200 && status !== 206) throw faultOfStatus(status, host, file, askedPauseMs(headers, now));
  if (/^text\/html\b/i.test(headers['content-type'] ?? '') && !/\.html?$/i.test(file))
    throw fault(
      'final',
      `${host} answers with a web page instead of ${file}: a login, or an error. Check the address.`,
    );
  if (/\S/.test(headers['content-encoding'] ?? '') && headers['content-encoding'] !== 'identity')
    throw fault(
      'final',
      `${host} sends ${file} compressed although it was asked not to, so its bytes cannot be checked. Use another address.`,
    );
  if (status === 200) return { kind: 'whole', version: versionOf(headers, numberOf(headers['content-length'])) };
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers['content-range']?.trim() ?? '') ?? [];
  if (first === undefined || Number(first) !== from || Number(last) < from)
    throw fault(
      'again',
      `${host} answers a request for the bytes of ${file} from ${from} on with "${headers['content-range'] ?? 'no Content-Range'}". Use another address.`,
    );
  const to = Number(last) + 1;
  const length = numberOf(headers['content-length']) ?? to - from;
  if (length !== to - from || to > (numberOf(total) ?? to)) {
    const said = `Content-Range "${headers['content-range']}", Content-Length ${length}`;
    throw fault(
      'again',
      `${host} answers with sizes of ${file} that contradict each other: ${said}. Use another address.`,
    );
  }
  return { kind: 'range', to, version: versionOf(headers, numberOf(total)) };
}

/** False when both say something, and not the same. */
export function sameVersion(a: Version, b: Version): boolean {
  return (['bytes', 'etag', 'modified'] as const).every(
    (key) => a[key] === undefined || b[key] === undefined || a[key] === b[key],
  );
}

/** What `If-Range` may say; nothing when the server gave nothing strong enough. */
export function validatorOf({ etag, modified }: Version): string | undefined {
  return etag ?? modified;
}

function versionOf(headers: Answer['headers'], bytes: number | undefined): Version {
  const { etag, 'last-modified': modified, date } = headers;
  const old = modified !== undefined && date !== undefined && Date.parse(date) - Date.parse(modified) >= 1000;
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(etag?.startsWith('"') === true ? { etag } : {}),
    ...(old ? { modified } : {}),
  };
}

function totalOf(range: string | undefined): number | undefined {
  return numberOf(/^bytes \*\/(\d+)$/.exec(range?.trim() ?? '')?.[1]);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
