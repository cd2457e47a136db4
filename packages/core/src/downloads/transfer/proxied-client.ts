// Requests that go through a proxy, with undici, which knows how to speak to one.
import type { Dispatcher, request } from 'undici';
import { wholeAddresses, type Proxies } from '../../kernel/proxies.js';
import { connectMs, idleMs, type Body, type Client, type Reply } from './body.js';
import { publicLookup } from './private-address.js';

/** undici, and what requests go through; `guarded` leads to no private address. */
interface Loaded {
  readonly request: typeof request;
  readonly direct: Dispatcher;
  readonly guarded: Dispatcher;
}

/** A client where proxies are set. */
export class ProxiedClient implements Client {
  private loaded: Promise<Loaded> | undefined;

  constructor(private readonly proxies: Proxies) {}

  async get(url: URL, headers: Readonly<Record<string, string>>, guarded: boolean, signal: AbortSignal): Promise<Reply> {
    const loaded = await (this.loaded ??= load(this.proxies));
    const response = await loaded.request(url, { dispatcher: guarded ? loaded.guarded : loaded.direct, headers, signal });
    return { status: response.statusCode, headers: single(response.headers), body: bodyOf(response.body) };
  }

  async close(): Promise<void> {
    const loaded = await this.loaded?.catch(() => undefined);
    await Promise.all([loaded?.direct.destroy(), loaded?.guarded.destroy()]);
  }
}

/** Not before it is needed: with execa, undici was a quarter of the time to load core. */
async function load(proxies: Proxies): Promise<Loaded> {
  const { EnvHttpProxyAgent, request } = await import('undici');
  const connect = { timeout: connectMs };
  const options = { ...wholeAddresses(proxies), headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: idleMs };
  return { request, direct: new EnvHttpProxyAgent({ ...options, connect }), guarded: new EnvHttpProxyAgent({ ...options, connect: { ...connect, lookup: publicLookup as never } }) };
}

function bodyOf(body: Dispatcher.ResponseData['body']): Body {
  body.on('error', () => undefined); // One that is destroyed before it is read says so, to nobody.
  return {
    [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>,
    close: () => void (body.readableEnded || body.destroy()),
  };
}

function single(headers: Dispatcher.ResponseData['headers']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.join(', ') : value]));
}
