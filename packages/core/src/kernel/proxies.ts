// The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in upper or lower case.
import type { EnvHttpProxyAgent } from 'undici';
import { loadUndici } from './undici.js';

/** The proxy settings of an environment; an empty string where a variable is missing. */
export interface Proxies {
  readonly httpProxy: string;
  /** When empty, `httpProxy` is used for https URLs too. */
  readonly httpsProxy: string;
  /** Hosts that are connected to directly. */
  readonly noProxy: string;
}

/** Hosts that are never reached through a proxy. */
const loopbackHosts = 'localhost,127.0.0.1,[::1]';

/** Reads the proxy settings of an environment; `undefined` when it names no proxy. */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): Proxies | undefined {
  const [httpProxy, httpsProxy, noProxy] = ['http_proxy', 'https_proxy', 'no_proxy'].map((name) =>
    (env[name] ?? env[name.toUpperCase()] ?? '').trim(),
  ) as [string, string, string];
  if (httpProxy === '' && httpsProxy === '') return undefined;
  return { httpProxy, httpsProxy, noProxy: noProxy === '*' ? noProxy : `${noProxy},${loopbackHosts}` };
}

/**
 * An undici dispatcher that sends requests through these proxies.
 * @throws Error when a proxy is not a valid URL; the message does not contain it, because it may hold a password
 */
export function proxyAgent(
  { httpProxy, httpsProxy, noProxy }: Proxies,
  options: Omit<EnvHttpProxyAgent.Options, 'httpProxy' | 'httpsProxy' | 'noProxy'> = {},
): EnvHttpProxyAgent {
  const { EnvHttpProxyAgent: ProxyAgent } = loadUndici();
  return new ProxyAgent({ ...options, httpProxy: urlOf(httpProxy), httpsProxy: urlOf(httpsProxy), noProxy });
}

/** Adds the scheme to `host:port`, which other programs accept too. */
function urlOf(proxy: string): string {
  if (proxy === '') return proxy;
  const url = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (!URL.canParse(url))
    throw new Error('The proxy in HTTP_PROXY or HTTPS_PROXY is not a valid URL. Write it as http://host:port.');
  return url;
}
