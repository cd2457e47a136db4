// Getting bytes over HTTP: redirects followed by hand, credentials kept to their origin, nothing decoded.
import { isIP } from 'node:net';
import { LaminaError } from '../../contract/errors.js';
import type { AddressGuard, Location } from '../../contract/source.js';
import { proxiesOf } from '../../kernel/proxies.js';
import { abortable } from '../../kernel/abort.js';
import { discard, type Client, type Reply } from './body.js';
import { bareHost, checkName, isAllowed, PrivateAddressError } from './private-address.js';
import { ProxiedClient } from './proxied-client.js';
import { DirectClient } from './wire/direct-client.js';

const mostRedirects = 10;
/** Of a redirect's body; a longer one is cut off. */
const mostDiscarded = 65_536;

/** An answer; whoever gets it reads its body or closes it. */
export interface Answer extends Reply {
  /** Where it came from, after redirects. */
  readonly url: string;
}

/** What a request is to be. */
export interface Asking {
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** Which addresses it may lead to, redirects included. */
  readonly guard?: AddressGuard | undefined;
  /** Whether redirects are followed; default `follow`. */
  readonly redirect?: 'follow' | 'manual';
}

/** The connections of the downloads of one Lamina. */
export class HttpClient {
  private readonly client: Client;
  private readonly isProxied: boolean;
  private readonly allowedHosts: ReadonlySet<string>;

  constructor(
    env: Readonly<Record<string, string | undefined>>,
    /** `name` or `name:port` that may be private all the same. */
    allowedHosts: readonly string[],
  ) {
    const proxies = proxiesOf(env);
    this.isProxied = proxies !== undefined;
    this.client = proxies === undefined ? new DirectClient() : new ProxiedClient(proxies);
    this.allowedHosts = new Set(allowedHosts.map((host) => host.toLowerCase()));
  }

  /**
   * Sends a GET and follows redirects. The location's headers go to its origin only.
   * @throws LaminaError `FORBIDDEN` for an address that the guard does not let pass, `SOURCE_UNREACHABLE` for
   * redirects that may not be followed;
   * errors of the connection as they are
   */
  async get({ url: first, headers: secret = {} }: Pick<Location, 'url' | 'headers'>, asking: Asking): Promise<Answer> {
    const { signal, headers = {}, guard, redirect = 'follow' } = asking;
    let url = new URL(first);
    const { origin } = url;
    for (let hop = 0; hop <= mostRedirects; hop += 1) {
      const answer = await this.send(url, { ...headers, ...(url.origin === origin ? secret : {}) }, guard, signal);
      const target = answer.headers['location'];
      if (redirect === 'manual' || target === undefined || !isRedirect(answer.status)) return answer;
      await discard(answer.body, mostDiscarded).catch(() => undefined);
      signal.throwIfAborted();
      url = redirected(url, target);
    }
    throw new LaminaError('SOURCE_UNREACHABLE', {
      message: `${origin} redirects more than ${mostRedirects} times. Check the address.`,
    });
  }

  /** Closes every connection. */
  close(): Promise<void> {
    return this.client.close();
  }

  private async send(
    url: URL,
    headers: Readonly<Record<string, string>>,
    asked: AddressGuard | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const guard = asked === undefined || this.isListed(url) ? undefined : asked;
    try {
      if (guard !== undefined) await this.check(url, guard, signal);
      const all = { 'user-agent': 'lamina', accept: '*/*', ...headers, 'accept-encoding': 'identity' };
      return { ...(await this.client.get(url, all, guard, signal)), url: url.href };
    } catch (error) {
      throw error instanceof PrivateAddressError ? refused(url.host) : error;
    }
  }

  private isListed(url: URL): boolean {
    const { host, hostname, port, protocol } = url;
    const withPort = `${hostname}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`;
    return [hostname, bareHost(url), host, withPort].some((name) => this.allowedHosts.has(name));
  }

  /**
   * Checks what the lookup of a connection does not: literal addresses, for which there is none, and names that a
   * proxy will look up.
   */
  private async check(url: URL, guard: AddressGuard, signal: AbortSignal): Promise<void> {
    const host = bareHost(url);
    if (isIP(host) !== 0) {
      if (!isAllowed(host, guard)) throw new PrivateAddressError(host);
    } else if (this.isProxied) {
      await abortable(checkName(host, guard), signal).catch((error: unknown) => {
        if (signal.aborted || error instanceof PrivateAddressError) throw error;
        throw unresolved(url.host, error);
      });
    }
  }
}

/** Whether a status is a redirect. */
export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

function redirected(from: URL, target: string): URL {
  const to = URL.canParse(target, from.href) ? new URL(target, from) : undefined;
  const allowed = to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:');
  if (to === undefined || !allowed)
    throw new LaminaError('SOURCE_UNREACHABLE', {
      message: `${from.host} redirects to where nothing is fetched from${to === undefined ? '' : ` (${to.protocol}//${to.host})`}.`,
    });
  return to;
}

function refused(host: string): LaminaError {
  const message = `${host} is an address of this machine or a private network, where requests from the network may not lead. `;
  return new LaminaError('FORBIDDEN', {
    message: `${message}The operator can allow the host with downloads.allowedHosts.`,
    param: 'reference',
  });
}

function unresolved(host: string, cause: unknown): LaminaError {
  const message = `${host} cannot be resolved on this machine, so whether it is an address of a private network is not known. `;
  return new LaminaError(
    'FORBIDDEN',
    { message: `${message}The operator can allow the host with downloads.allowedHosts.`, param: 'reference' },
    { cause },
  );
}
