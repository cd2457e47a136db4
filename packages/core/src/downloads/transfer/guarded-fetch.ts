// The fetch of sources for requests from the network: the connections of downloads, and so their check of every
// address.
import { LaminaError } from '../../contract/errors.js';
import type { AddressGuard } from '../../contract/source.js';
import type { Body } from './body.js';
import { isRedirect, type Answer, type HttpClient } from './http.js';

/** What does not go with a redirect to another origin. */
const secrets = ['authorization', 'cookie'];

/** A fetch that connects only where the guard allows. GET only: no source sends anything. */
export function guardedFetch(http: Pick<HttpClient, 'get'>, guard: AddressGuard): typeof globalThis.fetch {
  return async (input, init) => {
    const { url, method, headers, redirect, signal } = new Request(input, init);
    if (method !== 'GET') throw new TypeError(`fetch failed: a source may not send ${method}`);
    const given = Object.fromEntries(headers);
    const secret = Object.fromEntries(
      secrets.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
    );
    const open = Object.fromEntries(Object.entries(given).filter(([name]) => !secrets.includes(name)));
    const following = redirect === 'follow' ? 'follow' : 'manual';
    try {
      const answer = await http.get({ url, headers: secret }, { signal, guard, headers: open, redirect: following });
      if (redirect === 'error' && isRedirect(answer.status)) {
        answer.body.close();
        throw new Error('unexpected redirect');
      }
      return responseOf(answer);
    } catch (error) {
      if (LaminaError.is(error) || signal.aborted) throw error;
      throw new TypeError('fetch failed', { cause: error });
    }
  };
}

function responseOf({ status, headers, body, url }: Answer): Response {
  const pairs = Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const isEmpty = [204, 205, 304].includes(status);
  if (isEmpty) body.close();
  const response = new Response(isEmpty ? undefined : streamOf(body), { status, headers: pairs });
  return Object.defineProperty(response, 'url', { value: url });
}

function streamOf(body: Body): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(Uint8Array.from(next.value)); // The memory of a chunk is used again.
      },
      cancel: () => body.close(),
    },
    { highWaterMark: 0 },
  );
}
