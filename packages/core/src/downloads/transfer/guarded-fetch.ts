// The `fetch` that sources use for requests from the network: it checks addresses as the transfer of files does.
import { ReadableStream } from 'node:stream/web';
import { LaminaError } from '../../contract/errors.js';
import type { AddressGuard } from '../../contract/source.js';
import { isRedirect, type HttpClient, type HttpResponse } from './http.js';

/** Headers that are not sent to another origin after a redirect. */
const credentials = ['authorization', 'cookie'];

/** A fetch that connects only to addresses that the guard allows. It supports GET only, which is all sources need. */
export function guardedFetch(http: HttpClient, guard: AddressGuard): typeof globalThis.fetch {
  return async (input, init) => {
    const { url, method, headers, redirect, signal } = new Request(input, init);
    if (method !== 'GET') throw new TypeError(`fetch failed: a source cannot send ${method} requests`);
    const pairs = [...headers];
    const secret = Object.fromEntries(pairs.filter(([name]) => credentials.includes(name)));
    const other = Object.fromEntries(pairs.filter(([name]) => !credentials.includes(name)));
    try {
      const response = await http.get(
        { url, headers: secret },
        { signal, guard, headers: other, redirect: redirect === 'follow' ? 'follow' : 'manual' },
      );
      if (redirect !== 'error' || !isRedirect(response.status)) return toFetchResponse(response);
      response.body.destroy();
      throw new Error('unexpected redirect');
    } catch (error) {
      if (LaminaError.is(error) || signal.aborted) throw error;
      throw new TypeError('fetch failed', { cause: error });
    }
  };
}

function toFetchResponse({ status, headers, body, url }: HttpResponse): Response {
  const pairs = Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const isEmpty = [204, 205, 304].includes(status);
  if (isEmpty) body.destroy();
  const stream = isEmpty ? undefined : (ReadableStream.from(body) as globalThis.ReadableStream);
  return Object.defineProperty(new Response(stream, { status, headers: pairs }), 'url', { value: url });
}
