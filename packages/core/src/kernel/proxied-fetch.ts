// What plugins fetch with, where the environment names proxies: the fetch of Node 20 knows nothing of them.
import type { Dispatcher, fetch as undiciFetch } from 'undici';
import { proxiesOf, wholeAddresses, type Proxies } from './proxies.js';

type Fetch = typeof globalThis.fetch;

interface Loaded {
  readonly fetch: typeof undiciFetch;
  readonly dispatcher: Dispatcher;
}

/** A fetch that goes through the proxies of an environment. Close it. */
export class ProxiedFetch {
  /** The global fetch where the environment names no proxy. */
  readonly fetch: Fetch;
  private loaded: Promise<Loaded> | undefined;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    const proxies = proxiesOf(env);
    this.fetch =
      proxies === undefined ? globalThis.fetch : (input, init) => this.through(proxies, new Request(input, init));
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    const loaded = await this.loaded?.catch(() => undefined);
    await loaded?.dispatcher.destroy();
  }

  /** Taken apart: undici does not know the classes that Node has of its own. */
  private async through(
    proxies: Proxies,
    { url, method, headers, body, redirect, signal }: Request,
  ): Promise<Response> {
    const { fetch, dispatcher } = await (this.loaded ??= load(proxies)).catch((error: unknown) => {
      throw new TypeError('fetch failed', { cause: error });
    });
    const sent = body === null ? {} : { body, duplex: 'half' as const };
    return (await fetch(url, {
      method,
      headers: Object.fromEntries(headers),
      redirect,
      signal,
      dispatcher,
      ...sent,
    })) as unknown as Response;
  }
}

async function load(proxies: Proxies): Promise<Loaded> {
  const { EnvHttpProxyAgent, fetch } = await import('undici');
  return { fetch, dispatcher: new EnvHttpProxyAgent({ ...wholeAddresses(proxies) }) };
}
