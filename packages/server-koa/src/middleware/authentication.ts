// Turns an API key into scopes. Routes check the scope that they need.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { LaminaError } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import type { ApiKey, RouterOptions, Scope } from '../options.js';
import { restrictedPageOf } from './host-and-origin.js';

/** What a caller is allowed to do. */
export interface Scopes extends ReadonlySet<Scope> {
  /** The origin of a web page that may not manage the server, whatever its key. */
  readonly page?: string;
}

const allScopes: Scopes = new Set<Scope>(['inference', 'manage']);
const noKey: Scopes = new Set<Scope>();
const invalidKey: Scopes = new Set<Scope>();
const scopes = Symbol('scopes');

interface ScopeState {
  [scopes]?: Scopes;
}

/** The value of the option `apiKeys`. */
type ApiKeys = RouterOptions['apiKeys'];

/** Whether callers need a key. A function may return other keys later, but never stops requiring one. */
export function hasKeys(apiKeys: ApiKeys): boolean {
  return typeof apiKeys === 'function' || (apiKeys?.length ?? 0) > 0;
}

/** Stores the scopes of the caller; refuses nobody, so that `/health` works without a key. */
export function authentication(apiKeys: ApiKeys): Middleware {
  if (!hasKeys(apiKeys)) {
    return (ctx, next) => {
      setScopes(ctx, allScopes);
      return next();
    };
  }
  let keys: readonly ApiKey[] = [];
  let known: readonly KnownKey[] = [];
  return (ctx, next) => {
    const current = typeof apiKeys === 'function' ? apiKeys() : apiKeys!;
    if (current !== keys) [keys, known] = [current, current.map(knownKey)];
    const key = presentedKey(ctx.req.headers);
    setScopes(ctx, key === undefined ? noKey : scopesFor(digestOf(key), known));
    return next();
  };
}

interface KnownKey {
  readonly digest: Buffer;
  readonly scopes: Scopes;
}

function knownKey({ key, scope }: ApiKey): KnownKey {
  return { digest: digestOf(key), scopes: scope === undefined ? allScopes : new Set([scope]) };
}

function setScopes(ctx: Context, held: Scopes): void {
  const page = restrictedPageOf(ctx);
  const isLimited = page !== undefined && held.has('manage');
  const limited = [...held].filter((scope) => scope !== 'manage');
  (ctx.state as ScopeState)[scopes] = isLimited ? Object.assign(new Set(limited), { page }) : held;
}

/** The scopes of the caller. */
export function scopesOf(ctx: Pick<Context, 'state'>): Scopes {
  return (ctx.state as ScopeState)[scopes] ?? noKey;
}

/**
 * Requires a key with the scope; without a scope, any valid key.
 * @throws LaminaError `UNAUTHORIZED`, `FORBIDDEN`
 */
export function requireKey(ctx: Pick<Context, 'state' | 'method' | 'path'>, scope?: Scope): void {
  requireScope(scopesOf(ctx), scope, `${ctx.method} ${ctx.path}`);
}

/** As {@link requireKey}, for another operation than an HTTP request. @throws LaminaError `UNAUTHORIZED`, `FORBIDDEN` */
export function requireScope(held: Scopes, scope: Scope | undefined, operation: string): void {
  if (held.page !== undefined && (scope === undefined ? held.size === 0 : !held.has(scope)))
    throw new LaminaError('FORBIDDEN', {
      message: `${operation} is not open to web pages of the origin "${held.page}". Allow it with --cors ${held.page} (option cors).`,
    });
  if (held === invalidKey) throw new LaminaError('UNAUTHORIZED', { message: 'The API key is not valid.' });
  if (held.size === 0) {
    const message = 'Authentication required. Send an API key as "Authorization: Bearer <key>".';
    throw new LaminaError('UNAUTHORIZED', { message });
  }
  if (scope === undefined || held.has(scope)) return;
  throw new LaminaError('FORBIDDEN', {
    message: `${operation} needs a key with the scope "${scope}"; this key has "${[...held].join('", "')}".`,
  });
}

/** Identifies the key that a client sent, without revealing it; empty without a key. */
export function keyDigest({ headers }: IncomingMessage): string {
  const key = presentedKey(headers);
  return key === undefined ? '' : digestOf(key).toString('base64');
}

function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && /^bearer /i.test(authorization)) return authorization.slice(7).trim();
  const key = headers['x-api-key'];
  return typeof key === 'string' ? key : undefined;
}

// Digests have equal lengths, and all of them are compared, so that the time does not depend on the key.
function scopesFor(digest: Buffer, known: readonly KnownKey[]): Scopes {
  let held = invalidKey;
  for (const entry of known) {
    if (timingSafeEqual(entry.digest, digest)) held = new Set([...held, ...entry.scopes]);
  }
  return held;
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
