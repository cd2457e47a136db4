// Who is calling: turns a key into scopes. Routes say which scope they need.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { LaminaError } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import type { ApiKey, Scope } from '../options.js';

/** What a caller may do. */
export type Scopes = ReadonlySet<Scope>;

const everything: Scopes = new Set<Scope>(['inference', 'manage']);
const noKey: Scopes = new Set<Scope>();
const invalidKey: Scopes = new Set<Scope>();
const scopes = Symbol('scopes');

interface State {
  [scopes]?: Scopes;
}

/** Notes what the caller may do; refuses nobody, so that `/health` can answer without a key. */
export function authentication(apiKeys: readonly ApiKey[]): Middleware {
  if (apiKeys.length === 0) {
    return (ctx, next) => {
      (ctx.state as State)[scopes] = everything;
      return next();
    };
  }
  const known = apiKeys.map(({ key, scope }) => ({
    digest: digestOf(key),
    scopes: scope === undefined ? everything : new Set([scope]),
  }));
  return (ctx, next) => {
    const key = presentedKey(ctx.req.headers);
    (ctx.state as State)[scopes] = key === undefined ? noKey : scopesFor(digestOf(key), known);
    return next();
  };
}

/** What the caller may do. */
export function scopesOf(ctx: Pick<Context, 'state'>): Scopes {
  return (ctx.state as State)[scopes] ?? noKey;
}

/**
 * Lets the call pass when its key has the scope; without a scope any known key will do.
 * @throws LaminaError `UNAUTHORIZED`, `FORBIDDEN`
 */
export function requireKey(ctx: Pick<Context, 'state' | 'method' | 'path'>, scope?: Scope): void {
  requireScope(scopesOf(ctx), scope, `${ctx.method} ${ctx.path}`);
}

/** As {@link requireKey}, for `what` is not a request of HTTP. @throws LaminaError `UNAUTHORIZED`, `FORBIDDEN` */
export function requireScope(held: Scopes, scope: Scope | undefined, what: string): void {
  if (held === invalidKey) throw new LaminaError('UNAUTHORIZED', { message: 'The API key is not valid.' });
  if (held.size === 0) {
    const message = 'Authentication required. Send an API key as "Authorization: Bearer <key>".';
    throw new LaminaError('UNAUTHORIZED', { message });
  }
  if (scope === undefined || held.has(scope)) return;
  throw new LaminaError('FORBIDDEN', {
    message: `${what} needs a key with the scope "${scope}"; this one has "${[...held].join('", "')}".`,
  });
}

function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && /^bearer /i.test(authorization)) return authorization.slice(7).trim();
  const key = headers['x-api-key'];
  return typeof key === 'string' ? key : undefined;
}

// Digests are compared, all of them: equal lengths, and no hint at which key, or which letter of it, was nearly right.
function scopesFor(digest: Buffer, known: readonly { digest: Buffer; scopes: Scopes }[]): Scopes {
  let held = invalidKey;
  for (const entry of known) {
    if (timingSafeEqual(entry.digest, digest)) held = new Set([...held, ...entry.scopes]);
  }
  return held;
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
