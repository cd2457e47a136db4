// The source `url`: any http or https URL of a file.
import { basename } from 'node:path';
import { LaminaError } from '../../contract/errors.js';
import { networkReasonOf } from '../../kernel/reason.js';
import type { Json } from '../../contract/schema.js';
import type { DownloadPlan, Source, SourceContext } from '../../contract/source.js';
import { check, describeProblems } from '../../kernel/check.js';
import { isSafePath } from '../../kernel/safe-path.js';
import type { HttpClient, HttpResponse } from '../transfer/http.js';
import { readResponse } from '../transfer/response.js';
import { TransferError } from '../transfer/transfer-error.js';

const probeTimeoutMs = 30_000;

const referenceSchema = {
  type: 'object',
  properties: {
    url: { type: 'string', minLength: 1 },
    sha256: { type: 'string', pattern: '^[0-9a-fA-F]{64}$' },
    filename: { type: 'string', minLength: 1 },
  },
  required: ['url'],
  additionalProperties: false,
} as const;

interface UrlReference {
  readonly url: string;
  readonly sha256?: string;
  readonly filename?: string;
}

/**
 * A reference is a URL, or `{ url, sha256?, filename? }`. The first byte is requested to learn the size and the name;
 * a web page instead of a model is refused.
 */
export function urlSource(http: HttpClient): Source {
  return {
    name: 'url',
    async resolve(reference, context) {
      const wanted = parseReference(reference);
      if (wanted === undefined) return undefined;
      const { bytes, name } = await probe(http, wanted.url, context);
      const file = {
        path: wanted.filename ?? name,
        ...(bytes === undefined ? {} : { bytes }),
        ...(wanted.sha256 === undefined ? {} : { sha256: wanted.sha256.toLowerCase() }),
        from: { key: wanted.url },
      };
      return { source: 'url', reference, model: {}, files: [file] } satisfies DownloadPlan;
    },
    locate(file) {
      return Promise.resolve({ url: (file.from as { key: string }).key });
    },
  };
}

function parseReference(reference: Json): UrlReference | undefined {
  const wanted = typeof reference === 'string' ? { url: reference } : (reference as unknown as UrlReference);
  if (
    typeof wanted !== 'object' ||
    wanted === null ||
    typeof wanted.url !== 'string' ||
    !/^https?:\/\//i.test(wanted.url)
  )
    return undefined;
  const problems = check(referenceSchema, wanted);
  if (problems.length > 0)
    throw new LaminaError('REQUEST_INVALID', {
      message: `The reference ${describeProblems(problems)}.`,
      param: 'reference',
    });
  if (!URL.canParse(wanted.url))
    throw new LaminaError('REQUEST_INVALID', { message: `Invalid URL: "${wanted.url}".`, param: 'reference' });
  if (wanted.filename !== undefined && !isSafePath(wanted.filename))
    throw new LaminaError('REQUEST_INVALID', {
      message: `"${wanted.filename}" is not allowed as a file name. Choose a relative path below the directory of the model.`,
      param: 'reference',
    });
  const { username, password } = new URL(wanted.url);
  if (username !== '' || password !== '')
    throw new LaminaError('REQUEST_INVALID', {
      message: 'A URL with a user name or password is not allowed, because it would be stored. Use a URL without them.',
      param: 'reference',
    });
  return wanted;
}

async function probe(
  http: HttpClient,
  url: string,
  { signal, guard }: SourceContext,
): Promise<{ bytes?: number; name: string }> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(probeTimeoutMs)]);
  let response: HttpResponse | undefined;
  try {
    response = await http.get({ url }, { signal: limited, guard, headers: { range: 'bytes=0-0' } });
    const { status } = response;
    if (status === 404 || status === 410) throw missing(url, status);
    const name = nameOf(response.headers['content-disposition'], url);
    const content = readResponse(response, 0, name);
    const bytes = content.kind === 'end' ? content.total : content.version.bytes;
    return { name, ...(bytes === undefined ? {} : { bytes }) };
  } catch (error) {
    if (LaminaError.is(error)) throw error;
    if (!(error instanceof TransferError)) {
      const message = `${new URL(url).host} cannot be reached: ${networkReasonOf(error)}. Check the URL and the network.`;
      throw new LaminaError('SOURCE_UNREACHABLE', { message }, { cause: error });
    }
    const isTemporary = error.policy === 'retry' || error.policy === 'slow-down';
    if (isTemporary) return { name: nameOf(undefined, url) }; // The transfer retries.
    throw error.reported;
  } finally {
    response?.body.destroy();
  }
}

/** The query is left out of the message, because it may contain a key. */
function missing(url: string, status: number): LaminaError {
  const { origin, pathname, host } = new URL(url);
  const hint = `${host} responded with status ${status}. Check the URL.`;
  return new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: 'url', reference: `${origin}${pathname}`, hint });
}

/** The file name from `Content-Disposition`, else the last part of the URL. Only plain file names are accepted. */
function nameOf(disposition: string | undefined, url: string): string {
  const extended = /filename\*\s*=\s*utf-8''([^;]+)/i.exec(disposition ?? '')?.[1];
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]+))/i.exec(disposition ?? '');
  const offered = [
    decoded(extended),
    plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2]?.trim(),
    decoded(new URL(url).pathname.split('/').pop()),
  ];
  return offered.map(plainName).find((name) => name !== undefined) ?? 'model';
}

// eslint-disable-next-line no-control-regex -- the pattern is about control characters
const controlCharacters = /[\u0000-\u001f\u007f]/g;

function plainName(offered: string | undefined): string | undefined {
  const name = basename((offered ?? '').replaceAll('\\', '/'))
    .replace(controlCharacters, '')
    .replace(/^[.\s]+/, '')
    .trim();
  return Buffer.byteLength(name) > 200 || !isSafePath(name) ? undefined : name;
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return text;
  }
}
