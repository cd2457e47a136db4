// Refuses host names that are not ours: a web page whose name was made to point at this machine (DNS rebinding) must
// not get in.
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { LaminaError } from '@lamina/core';
import type { Middleware } from 'koa';

/**
 * Answers to IP addresses, `localhost`, its subdomains and the names given; one that begins with a dot stands for its
 * subdomains.
 */
export function hostCheck(allowedHosts: readonly string[]): Middleware {
  const names = new Set([
    'localhost',
    ...allowedHosts.filter((name) => !name.startsWith('.')).map((name) => name.toLowerCase()),
  ]);
  const suffixes = [
    '.localhost',
    ...allowedHosts.filter((name) => name.startsWith('.')).map((name) => name.toLowerCase()),
  ];
  return (ctx, next) => {
    const header = authorityOf(ctx.req);
    // Only HTTP/1.0 leaves it out, and no browser speaks that.
    if (header === undefined) return next();
    const name = hostnameOf(header);
    if (names.has(name) || isIP(name) !== 0 || suffixes.some((suffix) => name.endsWith(suffix))) return next();
    throw new LaminaError('FORBIDDEN', {
      message: `This server does not answer to the host name "${name}"; call it by its address, or have its operator allow the name.`,
    });
  };
}

/** HTTP/1.1 requires a host (RFC 9112, 3.2). It is checked here because Node's own answer has no body. */
export const requireHost: Middleware = (ctx, next) => {
  if (ctx.req.httpVersion !== '1.1' || authorityOf(ctx.req) !== undefined) return next();
  throw new LaminaError('REQUEST_INVALID', { message: 'A request in HTTP/1.1 needs the header "Host"; send it.' });
};

/** The host and port a request was meant for, as the client said it and not as a proxy would have it. */
export function authorityOf({ headers }: IncomingMessage): string | undefined {
  // HTTP/2 has a field of its own for it.
  return headers.host ?? (headers[':authority'] as string | undefined);
}

// The whole header has to be a name or an address with a port: "[::1].evil.com" begins like an address and is none.
const authority = /^(?:\[([^\]]*)\]|([^:[\]@/]*))(?::\d*)?$/;

/** The name, in lower case; all of the header when it is not one. */
function hostnameOf(header: string): string {
  const [, address, name] = authority.exec(header) ?? [];
  return (address ?? name ?? header).toLowerCase();
}
