// Turns an API key into a caller. Routes check the scope that they need.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { LaminaError, type Caller, type Scope } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import type { ApiKey, RouterOptions } from '../options.js';
import { restrictedPageOf } from './host-and-origin.js';

/** Who sends a request over the network. Without a valid key it has no scopes, where keys are required. */
export interface NetworkCaller extends Caller {
  /** The origin of a web page that may not manage the server, whatever its key. */
  readonly page?: string;
  /** True for a caller that sent a key which is not valid. */
  readonly hasInvalidKey?: boolean;
}

/** What a key stands for. */
type Identity = Pick<NetworkCaller, 'name' | 'scopes' | 'hasInvalidKey'>;

const allScopes: readonly Scope[] = Object.freeze(['inference', 'manage'] as const);
const anybody: Identity = { scopes: allScopes };
const withoutKey: Identity = { scopes: Object.freeze([]) };
const withInvalidKey: Identity = { ...withoutKey, hasInvalidKey: true };
/** Of the registry, so that a plugin finds the caller with its own copy of this package. */
const callerKey = Symbol.for('lamina.caller');

interface CallerState {
  [callerKey]?: NetworkCaller;
}

/** The value of the option `apiKeys`. */
type ApiKeys = RouterOptions['apiKeys'];

/** Whether callers need a key. A function may return other keys later, but never stops requiring one. */
export function hasKeys(apiKeys: ApiKeys): boolean {
  return typeof apiKeys === 'function' || (apiKeys?.length ?? 0) > 0;
}

/** Stores the caller; refuses nobody, so that `/health` works without a key. */
export function authentication(apiKeys: ApiKeys, via: Caller['via']): Middleware {
  if (!hasKeys(apiKeys)) {
    return (ctx, next) => {
      setCaller(ctx, anybody, via);
      return next();
    };
  }
  let keys: readonly ApiKey[] = [];
  let known: readonly KnownKey[] = [];
  return (ctx, next) => {
    const current = typeof apiKeys === 'function' ? apiKeys() : apiKeys!;
    if (current !== keys) [keys, known] = [current, current.map(knownKey)];
    const key = presentedKey(ctx.req.headers);
    setCaller(ctx, key === undefined ? withoutKey : identityOf(digestOf(key), known), via);
    return next();
  };
}

interface KnownKey {
  readonly digest: Buffer;
  readonly identity: Identity;
}

function knownKey({ key, scope, name }: ApiKey): KnownKey {
  const scopes = scope === undefined ? allScopes : Object.freeze([scope]);
  return { digest: digestOf(key), identity: { ...(name === undefined ? {} : { name }), scopes } };
}

function setCaller(ctx: Context, identity: Identity, via: Caller['via']): void {
  const page = restrictedPageOf(ctx);
  const isLimited = page !== undefined && identity.scopes.includes('manage');
  const address = ctx.req.socket.remoteAddress;
  (ctx.state as CallerState)[callerKey] = {
    ...identity,
    ...(isLimited ? { scopes: identity.scopes.filter((scope) => scope !== 'manage'), page } : {}),
    ...(address === undefined ? {} : { address }),
    via,
  };
}

/**
 * Who sends the request, for middleware of plugins. A request that was refused before the check of its key has a caller
 * without scopes.
 */
export function callerOf(ctx: Pick<Context, 'state'>): NetworkCaller {
  return (ctx.state as CallerState)[callerKey] ?? { ...withoutKey, via: 'http' };
}

/** Whether a caller has a scope. */
export function hasScope({ scopes }: Caller, scope: Scope): boolean {
  return scopes.includes(scope);
}

/**
 * Requires a key with the scope; without a scope, any valid key.
 * @throws LaminaError `UNAUTHORIZED`, `FORBIDDEN`
 */
export function requireKey(ctx: Pick<Context, 'state' | 'method' | 'path'>, scope?: Scope): void {
  requireScope(callerOf(ctx), scope, `${ctx.method} ${ctx.path}`);
}

/** As {@link requireKey}, for another operation than an HTTP request. @throws LaminaError `UNAUTHORIZED`, `FORBIDDEN` */
export function requireScope(caller: NetworkCaller, scope: Scope | undefined, operation: string): void {
  const { scopes, page, hasInvalidKey } = caller;
  if (scope === undefined ? scopes.length > 0 : hasScope(caller, scope)) return;
  if (page !== undefined)
    throw new LaminaError('FORBIDDEN', {
      message: `${operation} is not open to web pages of the origin "${page}". Allow it with --cors ${page} (option cors).`,
    });
  if (hasInvalidKey === true) throw new LaminaError('UNAUTHORIZED', { message: 'The API key is not valid.' });
  if (scopes.length === 0) {
    const message = 'Authentication required. Send an API key as "Authorization: Bearer <key>".';
    throw new LaminaError('UNAUTHORIZED', { message });
  }
  throw new LaminaError('FORBIDDEN', {
    message: `${operation} needs a key with the scope "${scope}"; this key has "${scopes.join('", "')}".`,
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

// Digests have equal lengths, and all of them are compared, so that the time does not depend on the key. A key that is
// listed twice has the scopes of both.
function identityOf(digest: Buffer, known: readonly KnownKey[]): Identity {
  let found: Identity | undefined;
  for (const { digest: other, identity } of known) {
    if (!timingSafeEqual(other, digest)) continue;
    found =
      found === undefined
        ? identity
        : {
            ...found,
            ...identity,
            scopes: allScopes.filter((scope) => [found!, identity].some((one) => one.scopes.includes(scope))),
          };
  }
  return found ?? withInvalidKey;
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
