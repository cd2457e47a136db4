// Requests that go through a proxy, with undici, which knows how to speak to one.
import type { Dispatcher, request } from 'undici';
import type { AddressGuard } from '../../contract/source.js';
import { wholeAddresses, type Proxies } from '../../kernel/proxies.js';
import { connectMs, idleMs, type Body, type Client, type Reply } from './body.js';
import { guardedLookup } from './private-address.js';

/** undici, and what requests go through, by what guards them. */
interface Loaded {
  readonly request: typeof request;
  readonly dispatchers: Readonly<Record<AddressGuard | 'none', Dispatcher>>;
}

/** A client where proxies are set. */
export class ProxiedClient implements Client {
  private loaded: Promise<Loaded> | undefined;

  constructor(private readonly proxies: Proxies) {}

  async get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    guard: AddressGuard | undefined,
    signal: AbortSignal,
  ): Promise<Reply> {
    const loaded = await (this.loaded ??= load(this.proxies));
    const response = await loaded.request(url, { dispatcher: loaded.dispatchers[guard ?? 'none'], headers, signal });
    return { status: response.statusCode, headers: single(response.headers), body: bodyOf(response.body) };
  }

  async close(): Promise<void> {
    const loaded = await this.loaded?.catch(() => undefined);
    await Promise.all(Object.values(loaded?.dispatchers ?? {}).map((dispatcher) => dispatcher.destroy()));
  }
}

/** Not before it is needed: undici was a good part of the time to load core. */
async function load(proxies: Proxies): Promise<Loaded> {
  const { EnvHttpProxyAgent, request } = await import('undici');
  const options = { ...wholeAddresses(proxies), headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: idleMs };
  const through = (guard?: AddressGuard) => {
    const lookup = guard === undefined ? {} : { lookup: guardedLookup(guard) as never };
    return new EnvHttpProxyAgent({ ...options, connect: { timeout: connectMs, ...lookup } });
  };
  return { request, dispatchers: { none: through(), public: through('public'), loopback: through('loopback') } };
}

function bodyOf(body: Dispatcher.ResponseData['body']): Body {
  body.on('error', () => undefined); // One that is destroyed before it is read says so, to nobody.
  return {
    [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>,
    close: () => void (body.readableEnded || body.destroy()),
  };
}

function single(headers: Dispatcher.ResponseData['headers']): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}
