// Keeps web pages out that the operator has not allowed: by host name (DNS rebinding) and by origin (CORS).
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { LaminaError } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import { allowsAll, isLocalPage, originTest, type AllowedOrigins } from './origins.js';

/** Refuses requests in HTTP/1.1 without a host (RFC 9112, 3.2), because Node's own response has no body. */
export const requireHost: Middleware = (ctx, next) => {
  if (ctx.req.httpVersion !== '1.1' || authorityOf(ctx.req) !== undefined) return next();
  throw new LaminaError('REQUEST_INVALID', { message: 'The header "Host" is missing. HTTP/1.1 requires it.' });
};

/**
 * Refuses host names other than IP addresses, `localhost`, its subdomains and the allowed names: a web page whose name
 * resolves to this machine must not get access. An allowed name that begins with a dot stands for its subdomains.
 */
export function hostCheck(allowedHosts: readonly string[]): Middleware {
  const allowed = allowedHosts.map((name) => name.toLowerCase());
  const names = new Set(['localhost', ...allowed.filter((name) => !name.startsWith('.'))]);
  const suffixes = ['.localhost', ...allowed.filter((name) => name.startsWith('.'))];
  return (ctx, next) => {
    const header = authorityOf(ctx.req);
    if (header === undefined) return next(); // HTTP/1.0, which no browser uses.
    const name = hostnameOf(header);
    if (names.has(name) || isIP(name) !== 0 || suffixes.some((suffix) => name.endsWith(suffix))) return next();
    throw new LaminaError('FORBIDDEN', {
      message: `The host name "${name}" is not allowed. Use the server's IP address, or allow the name with --allowed-hosts (option allowedHosts).`,
    });
  };
}

const restrictedPage = Symbol('restricted page');

interface PageState {
  [restrictedPage]?: string;
}

/**
 * Refuses requests of web pages whose origin is not in `cors`, and answers CORS preflights of those that are. Pages on
 * `localhost` pass as well, restricted to what `restrictedPageOf` says. Programs that are not browsers send no origin
 * and pass. There is no `Access-Control-Allow-Credentials`, because Lamina reads no cookies.
 * @throws LaminaError `CONFIG_INVALID` for an entry of `cors` that is not an origin
 */
export function originCheck(cors: AllowedOrigins): Middleware {
  const allows = originTest(cors);
  const all = allowsAll(cors);
  return (ctx, next) => {
    const { origin } = ctx.req.headers;
    if (!all) ctx.vary('Origin');
    if (origin === undefined) {
      if (!all && isCrossSiteFetch(ctx)) throw originRefused('A request of another site');
      return next();
    }
    if (!allows(origin)) {
      if (isSameOrigin(origin, authorityOf(ctx.req))) return next();
      if (!isLocalPage(origin)) throw originRefused(`The origin "${origin}"`);
      (ctx.state as PageState)[restrictedPage] = origin;
    }
    ctx.set('Access-Control-Allow-Origin', all ? '*' : origin);
    ctx.set('Access-Control-Expose-Headers', 'x-request-id, retry-after, x-should-retry');
    if (ctx.method !== 'OPTIONS' || ctx.req.headers['access-control-request-method'] === undefined) return next();
    answerPreflight(ctx);
  };
}

/** The origin of a page that may call the server because it is on `localhost`: it may not manage the server. */
export function restrictedPageOf(ctx: Pick<Context, 'state'>): string | undefined {
  return (ctx.state as PageState)[restrictedPage];
}

/** The host and port as the client sent them, not as a proxy forwards them. HTTP/2 sends them in `:authority`. */
function authorityOf({ headers }: IncomingMessage): string | undefined {
  return headers.host ?? (headers[':authority'] as string | undefined);
}

// The whole header has to match: "[::1].evil.com" begins like an address and is a name.
const authority = /^(?:\[([^\]]*)\]|([^:[\]@/]*))(?::\d*)?$/;

/** The host name in lower case; the whole header when it is not a valid host. */
function hostnameOf(header: string): string {
  const [, address, name] = authority.exec(header) ?? [];
  return (address ?? name ?? header).toLowerCase();
}

// Images and scripts of another site have no origin, but browsers mark them. Links that a person follows are safe.
function isCrossSiteFetch(ctx: Context): boolean {
  return ctx.req.headers['sec-fetch-site'] === 'cross-site' && ctx.req.headers['sec-fetch-mode'] !== 'navigate';
}

// The scheme is not compared, because a proxy may have removed TLS.
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && origin.slice(origin.indexOf('://') + 3) === host;
}

function originRefused(subject: string): LaminaError {
  return new LaminaError('FORBIDDEN', {
    message: `${subject} is not allowed. Allow origins with --cors <origin> (option cors).`,
  });
}

function answerPreflight(ctx: Context): void {
  ctx.set('Access-Control-Allow-Methods', 'GET, HEAD, POST, PUT, PATCH, DELETE');
  ctx.set('Access-Control-Allow-Headers', ctx.get('access-control-request-headers') || 'authorization, content-type');
  ctx.set('Access-Control-Max-Age', '600');
  // Chrome asks this before a page of the internet may reach a server on this machine or in a private network.
  if (ctx.req.headers['access-control-request-private-network'] !== undefined)
    ctx.set('Access-Control-Allow-Private-Network', 'true');
  ctx.status = 204;
}
