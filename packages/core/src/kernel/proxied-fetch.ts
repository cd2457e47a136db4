// The `fetch` of plugins where the environment names proxies, which the `fetch` of Node 20 ignores.
import type { Dispatcher } from 'undici';
import { proxiesOf, proxyAgent, type Proxies } from './proxies.js';
import { loadUndici } from './undici.js';

/** A fetch that goes through the proxies of an environment. Close it when it is no longer used. */
export class ProxiedFetch {
  /** The global fetch where the environment names no proxy. */
  readonly fetch: typeof globalThis.fetch;
  private agent: Dispatcher | undefined;

  constructor(env: Readonly<Record<string, string | undefined>>) {
    const proxies = proxiesOf(env);
    this.fetch =
      proxies === undefined ? globalThis.fetch : (input, init) => this.send(proxies, new Request(input, init));
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await this.agent?.destroy();
  }

  /** Passes the parts of the request on one by one: undici does not accept Node's own Request and Headers objects. */
  private async send(proxies: Proxies, { url, method, headers, body, redirect, signal }: Request): Promise<Response> {
    const response = await loadUndici().fetch(url, {
      method,
      headers: Object.fromEntries(headers),
      redirect,
      signal,
      dispatcher: this.dispatcher(proxies),
      ...(body === null ? {} : { body, duplex: 'half' }),
    });
    return response as unknown as Response;
  }

  private dispatcher(proxies: Proxies): Dispatcher {
    try {
      return (this.agent ??= proxyAgent(proxies));
    } catch (error) {
      throw new TypeError('fetch failed', { cause: error });
    }
  }
}
