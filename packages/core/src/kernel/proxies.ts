// The proxies that an environment names: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or not.

/** Addresses of proxies, as undici takes them; empty when there is none. */
export interface Proxies {
  readonly httpProxy: string;
  /** Without one, the other is used. */
  readonly httpsProxy: string;
  /** Hosts that are reached directly. */
  readonly noProxy: string;
}

/** No proxy leads to it. */
const thisMachine = 'localhost,127.0.0.1,[::1]';

/** What an environment says; `undefined` when it names no proxy. */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): Proxies | undefined {
  const [httpProxy, httpsProxy, noProxy] = ['http_proxy', 'https_proxy', 'no_proxy'].map((name) =>
    (env[name] ?? env[name.toUpperCase()] ?? '').trim(),
  ) as [string, string, string];
  if (httpProxy === '' && httpsProxy === '') return undefined;
  return { httpProxy, httpsProxy, noProxy: noProxy === '*' ? noProxy : `${noProxy},${thisMachine}` };
}

/**
 * The same with whole addresses: `host:port` is what other programs take, too.
 * @throws Error for what is none; it tells no password
 */
export function wholeAddresses({ httpProxy, httpsProxy, noProxy }: Proxies): Proxies {
  return { httpProxy: addressOf(httpProxy), httpsProxy: addressOf(httpsProxy), noProxy };
}

function addressOf(proxy: string): string {
  if (proxy === '') return proxy;
  const address = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (!URL.canParse(address))
    throw new Error(
      'the environment (HTTP_PROXY, HTTPS_PROXY) names a proxy that is no address; write it as http://host:port',
    );
  return address;
}
