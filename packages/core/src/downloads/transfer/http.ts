// The HTTP client of downloads: undici with address checks on every hop; credentials go to their origin only.
import { isIP } from 'node:net';
import type { Dispatcher } from 'undici';
import { LaminaError } from '../../contract/errors.js';
import type { AddressGuard, Location } from '../../contract/source.js';
import { abortable } from '../../kernel/abort.js';
import { proxiesOf, proxyAgent, type Proxies } from '../../kernel/proxies.js';
import { loadUndici } from '../../kernel/undici.js';
import { bareHost, checkProxiedHost, guardedLookup, isAllowed, PrivateAddressError } from './address-guard.js';

const maxRedirects = 10;
/** The body of a redirect is read up to this size to reuse its connection; a longer one closes the connection. */
const maxRedirectBody = 65_536;
const maxHeaderBytes = 65_536;
const connectTimeoutMs = 15_000;
const keepAliveMs = 10_000;
/** Chunks of up to this size need fewer writes to disk than those of the socket (64 KiB). */
const bodyBufferBytes = 1024 * 1024;

/** A response. Read its body to the end or destroy it. */
export interface HttpResponse {
  readonly status: number;
  /** By lower-case name; values of repeated headers are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Not decoded: `content-encoding` applies. */
  readonly body: Dispatcher.ResponseData['body'];
  /** The URL after redirects. */
  readonly url: string;
}

/** Options of a GET request. */
export interface GetOptions {
  readonly signal: AbortSignal;
  /** Sent to every origin that redirects lead to. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Which addresses the request and its redirects may connect to; default any. */
  readonly guard?: AddressGuard | undefined;
  /** Default `follow`. */
  readonly redirect?: 'follow' | 'manual';
  /** Fails when no data arrives for so many milliseconds; 0: never. Default 300,000. */
  readonly stallTimeoutMs?: number;
}

/** Sends the GET requests of downloads and keeps their connections alive. Close it. */
export class HttpClient {
  private readonly dispatchers = new Map<AddressGuard | undefined, Dispatcher>();
  private readonly proxies: Proxies | undefined;
  private readonly allowedHosts: ReadonlySet<string>;

  constructor(
    env: Readonly<Record<string, string | undefined>>,
    /** `name` or `name:port` of hosts that no guard applies to. */
    allowedHosts: readonly string[],
  ) {
    this.proxies = proxiesOf(env);
    this.allowedHosts = new Set(allowedHosts.map((host) => host.toLowerCase()));
  }

  /**
   * Sends a GET request and follows redirects. The headers of the location are sent to its origin only.
   * @throws LaminaError `FORBIDDEN` for an address that the guard does not allow, `SOURCE_UNREACHABLE` for redirects
   * that are not followed; errors of undici and of the connection; the signal's reason
   */
  async get(location: Pick<Location, 'url' | 'headers'>, options: GetOptions): Promise<HttpResponse> {
    const { signal, headers = {}, redirect = 'follow' } = options;
    let url = new URL(location.url);
    const { origin } = url;
    for (let hop = 0; hop <= maxRedirects; hop += 1) {
      const sent = { ...headers, ...(url.origin === origin ? location.headers : {}) };
      const response = await this.send(url, sent, options);
      const target = response.headers['location'];
      if (redirect === 'manual' || target === undefined || !isRedirect(response.status)) return response;
      await response.body.dump({ limit: maxRedirectBody, signal }).catch(() => signal.throwIfAborted());
      url = redirectTarget(url, target);
    }
    const message = `${origin} redirects more than ${maxRedirects} times. Check the URL.`;
    throw new LaminaError('SOURCE_UNREACHABLE', { message });
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all([...this.dispatchers.values()].map((dispatcher) => dispatcher.destroy()));
  }

  private async send(
    url: URL,
    headers: Readonly<Record<string, string>>,
    { guard: requestedGuard, signal, stallTimeoutMs = 300_000 }: GetOptions,
  ): Promise<HttpResponse> {
    const guard = this.isAllowedHost(url) ? undefined : requestedGuard;
    try {
      if (guard !== undefined) await this.checkHost(url, guard, signal);
      const response = await loadUndici().request(url, {
        dispatcher: this.dispatcher(guard),
        headers: { 'user-agent': 'lamina', accept: '*/*', ...headers, 'accept-encoding': 'identity' },
        highWaterMark: bodyBufferBytes,
        headersTimeout: stallTimeoutMs,
        bodyTimeout: stallTimeoutMs,
        signal,
      });
      response.body.on('error', () => undefined); // Whoever reads the body sees it; nobody may be reading.
      return { status: response.statusCode, headers: joined(response.headers), body: response.body, url: url.href };
    } catch (error) {
      throw error instanceof PrivateAddressError ? forbidden(url.host) : error;
    }
  }

  private dispatcher(guard: AddressGuard | undefined): Dispatcher {
    const existing = this.dispatchers.get(guard);
    if (existing !== undefined) return existing;
    const options = {
      connect: { timeout: connectTimeoutMs, ...(guard === undefined ? {} : { lookup: guardedLookup(guard) as never }) },
      keepAliveTimeout: keepAliveMs,
      maxHeaderSize: maxHeaderBytes,
    };
    const created = this.proxies === undefined ? new (loadUndici().Agent)(options) : proxyAgent(this.proxies, options);
    this.dispatchers.set(guard, created);
    return created;
  }

  private isAllowedHost(url: URL): boolean {
    const { host, hostname, port, protocol } = url;
    const withPort = `${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
    return [hostname, bareHost(url), host, withPort].some((name) => this.allowedHosts.has(name));
  }

  /** Checks what the lookup of a connection does not see: IP addresses, and hosts that a proxy looks up. */
  private async checkHost(url: URL, guard: AddressGuard, signal: AbortSignal): Promise<void> {
    const host = bareHost(url);
    if (isIP(host) !== 0) {
      if (!isAllowed(host, guard)) throw new PrivateAddressError(host);
    } else if (this.proxies !== undefined) {
      await abortable(checkProxiedHost(host, guard), signal).catch((error: unknown) => {
        if (signal.aborted || error instanceof PrivateAddressError) throw error;
        throw unresolvable(url.host, error);
      });
    }
  }
}

/** Whether a status is a redirect. */
export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

function redirectTarget(from: URL, target: string): URL {
  const to = URL.canParse(target, from.href) ? new URL(target, from) : undefined;
  const allowed = to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:');
  if (to !== undefined && allowed) return to;
  const shown = to === undefined ? '' : ` (${to.protocol}//${to.host})`;
  throw new LaminaError('SOURCE_UNREACHABLE', { message: `${from.host} redirects to an unsupported URL${shown}.` });
}

function joined(headers: Dispatcher.ResponseData['headers']): HttpResponse['headers'] {
  const pairs = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    Array.isArray(value) ? value.join(', ') : value,
  ]);
  return Object.fromEntries(pairs) as HttpResponse['headers'];
}

const advice = 'The operator can allow the host with --download-allow-hosts (option downloads.allowedHosts).';

function forbidden(host: string): LaminaError {
  const message = `${host} is an address of this machine or of a private network. Requests from the network may not use it. ${advice}`;
  return new LaminaError('FORBIDDEN', { message, param: 'reference' });
}

function unresolvable(host: string, cause: unknown): LaminaError {
  const message = `${host} cannot be resolved on this machine, so it may be an address of a private network. ${advice}`;
  return new LaminaError('FORBIDDEN', { message, param: 'reference' }, { cause });
}
