// The source `url`: any http or https link to a file.
import { basename } from 'node:path';
import { LaminaError } from '../../contract/errors.js';
import { reasonOf } from '../../kernel/reason.js';
import type { Json } from '../../contract/schema.js';
import type { DownloadPlan, Source, SourceContext } from '../../contract/source.js';
import { check, describeProblems } from '../../kernel/check.js';
import { isSafePath } from '../layout.js';
import { readAnswer } from '../transfer/answer.js';
import { Fault } from '../transfer/fault.js';
import type { Answer, HttpClient } from '../transfer/http.js';

const askMs = 30_000;

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
 * The source of links. A reference is a link, or `{ url, sha256?, filename? }`. The link is asked for its first byte,
 * which tells size and name; a web page in place of a model is refused.
 */
export function urlSource(http: HttpClient): Source {
  return {
    name: 'url',
    async resolve(reference, context) {
      const wanted = read(reference);
      if (wanted === undefined) return undefined;
      const { bytes, name } = await ask(http, wanted, context);
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

function read(reference: Json): UrlReference | undefined {
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
    throw new LaminaError('REQUEST_INVALID', { message: `"${wanted.url}" is no link.`, param: 'reference' });
  const { username, password } = new URL(wanted.url);
  if (username !== '' || password !== '')
    throw new LaminaError('REQUEST_INVALID', {
      message: 'A link with a password in it is not taken: it would be written down. Use a link without one.',
      param: 'reference',
    });
  return wanted;
}

async function ask(
  http: HttpClient,
  { url }: UrlReference,
  { signal, guard }: SourceContext,
): Promise<{ bytes?: number; name: string }> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(askMs)]);
  const { host } = new URL(url);
  let answer: Answer | undefined;
  try {
    answer = await http.get({ url }, { signal: limited, guard, headers: { range: 'bytes=0-0' } });
    const name = nameOf(answer.headers['content-disposition'], url);
    const brought = readAnswer(answer, 0, name, Date.now());
    const bytes = brought.kind === 'end' ? brought.total : brought.version.bytes;
    return { name, ...(bytes === undefined ? {} : { bytes }) };
  } catch (error) {
    if (error instanceof Fault && (error.kind === 'again' || error.kind === 'busy'))
      return { name: nameOf(undefined, url) }; // The transfer will wait and ask again.
    if (error instanceof Fault) throw error.error;
    if (LaminaError.is(error)) throw error;
    throw new LaminaError(
      'SOURCE_UNREACHABLE',
      { message: `${host} cannot be reached: ${reasonOf(error)}. Check the link and the network.` },
      { cause: error },
    );
  } finally {
    answer?.body.close();
  }
}

/** The name a server gives the file, else the last part of the link. Only a plain file name is taken. */
export function nameOf(disposition: string | undefined, url: string): string {
  const extended = /filename\*\s*=\s*utf-8''([^;]+)/i.exec(disposition ?? '')?.[1];
  const plain = /filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]+))/i.exec(disposition ?? '');
  const offered = [
    decoded(extended),
    plain?.[1]?.replace(/\\(.)/g, '$1') ?? plain?.[2]?.trim(),
    decoded(new URL(url).pathname.split('/').pop()),
  ];
  return offered.map(plainName).find((name) => name !== undefined) ?? 'model';
}

// eslint-disable-next-line no-control-regex -- control characters are what is removed
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
