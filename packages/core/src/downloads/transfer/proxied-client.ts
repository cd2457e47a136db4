// Requests that go through a proxy, with undici, which knows how to speak to one.
import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici';
import { connectMs, idleMs, type Body, type Client, type Reply } from './body.js';
import { publicLookup } from './private-address.js';

/** The variables that name proxies; empty when there is none. */
export interface Proxies {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  /** Hosts that are reached directly. */
  readonly noProxy: string;
}

/** A client where proxies are set. */
export class ProxiedClient implements Client {
  private readonly direct: Dispatcher;
  private readonly guarded: Dispatcher;

  constructor(proxies: Proxies) {
    const connect = { timeout: connectMs };
    const options = { ...proxies, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: idleMs };
    this.direct = new EnvHttpProxyAgent({ ...options, connect });
    this.guarded = new EnvHttpProxyAgent({ ...options, connect: { ...connect, lookup: publicLookup as never } });
  }

  async get(url: URL, headers: Readonly<Record<string, string>>, guarded: boolean, signal: AbortSignal): Promise<Reply> {
    const response = await request(url, { dispatcher: guarded ? this.guarded : this.direct, headers, signal });
    return { status: response.statusCode, headers: single(response.headers), body: bodyOf(response.body) };
  }

  async close(): Promise<void> {
    await Promise.all([this.direct.destroy(), this.guarded.destroy()]);
  }
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
