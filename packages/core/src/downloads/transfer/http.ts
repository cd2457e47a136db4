// Getting bytes over HTTP: redirects followed by hand, credentials kept to their origin, nothing decoded.
import { LaminaError } from '../../contract/errors.js';
import type { Location } from '../../contract/source.js';
import { proxiesOf } from '../../kernel/proxies.js';
import { discard, type Client, type Reply } from './body.js';
import { bareHost, isPrivateAddress, PrivateAddressError } from './private-address.js';
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
  /** The address came over the network, so it may not lead to a private one. */
  readonly remote?: boolean;
}

/** The connections of the downloads of one Lamina. */
export class HttpClient {
  private readonly client: Client;

  constructor(
    env: Readonly<Record<string, string | undefined>>,
    /** `name` or `name:port` that may be private all the same. */
    private readonly allowedHosts: readonly string[],
  ) {
    const proxies = proxiesOf(env);
    this.client = proxies === undefined ? new DirectClient() : new ProxiedClient(proxies);
  }

  /**
   * Sends a GET and follows redirects. The location's headers go to its origin only.
   * @throws LaminaError `FORBIDDEN` for a private address that a remote asked for, `SOURCE_UNREACHABLE` for redirects that may not be followed; errors of the connection as they are
   */
  async get({ url: first, headers: secret = {} }: Pick<Location, 'url' | 'headers'>, { signal, headers = {}, remote = false }: Asking): Promise<Answer> {
    let url = new URL(first);
    const { origin } = url;
    for (let hop = 0; hop <= mostRedirects; hop += 1) {
      const answer = await this.send(url, { ...headers, ...(url.origin === origin ? secret : {}) }, remote, signal);
      const target = answer.headers['location'];
      if (![301, 302, 303, 307, 308].includes(answer.status) || target === undefined) return answer;
      await discard(answer.body, mostDiscarded).catch(() => undefined);
      signal.throwIfAborted();
      url = redirected(url, target);
    }
    throw new LaminaError('SOURCE_UNREACHABLE', { message: `${origin} redirects more than ${mostRedirects} times. Check the address.` });
  }

  /** Closes every connection. */
  close(): Promise<void> {
    return this.client.close();
  }

  private async send(url: URL, headers: Readonly<Record<string, string>>, remote: boolean, signal: AbortSignal): Promise<Answer> {
    const guarded = remote && !this.allowedHosts.includes(url.hostname) && !this.allowedHosts.includes(url.host);
    if (guarded && isPrivateAddress(bareHost(url))) throw refused(url.host);
    try {
      const all = { 'user-agent': 'lamina', accept: '*/*', ...headers, 'accept-encoding': 'identity' };
      return { ...(await this.client.get(url, all, guarded, signal)), url: url.href };
    } catch (error) {
      throw error instanceof PrivateAddressError ? refused(url.host) : error;
    }
  }
}

function redirected(from: URL, target: string): URL {
  const to = URL.canParse(target, from.href) ? new URL(target, from) : undefined;
  const allowed = to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:');
  if (to === undefined || !allowed) throw new LaminaError('SOURCE_UNREACHABLE', { message: `${from.host} redirects to where nothing is fetched from${to === undefined ? '' : ` (${to.protocol}//${to.host})`}.` });
  return to;
}

function refused(host: string): LaminaError {
  return new LaminaError('FORBIDDEN', { message: `${host} belongs to this machine or a private network, and the request came over the network. Its operator may allow the host with downloads.allowedHosts.`, param: 'reference' });
}
