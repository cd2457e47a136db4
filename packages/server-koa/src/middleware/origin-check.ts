// Keeps web pages of other origins out, unless the host lets them in; then it speaks CORS with them.
import { LaminaError } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import { authorityOf } from './host-check.js';

/** `cors` lists the origins that are let in; programs that are not browsers send no origin and always pass. */
export function originCheck(cors: readonly string[] | '*'): Middleware {
  const allows = cors === '*' ? () => true : (origin: string) => cors.includes(origin);
  return (ctx, next) => {
    const { origin } = ctx.req.headers;
    if (origin === undefined) {
      if (cors !== '*' && isForeignFetch(ctx)) throw refusal('another site');
      return next();
    }
    if (!allows(origin)) {
      if (isSameOrigin(origin, authorityOf(ctx.req))) return next();
      throw refusal(`the origin "${origin}"`);
    }
    addCorsHeaders(ctx, cors === '*' ? '*' : origin);
    if (ctx.method !== 'OPTIONS' || ctx.req.headers['access-control-request-method'] === undefined) return next();
    answerPreflight(ctx);
  };
}

// An image or a script of another site sends no origin, but browsers mark it; a link that a person follows is no
// danger.
function isForeignFetch(ctx: Context): boolean {
  return ctx.req.headers['sec-fetch-site'] === 'cross-site' && ctx.req.headers['sec-fetch-mode'] !== 'navigate';
}

// The scheme is left aside: a proxy before us may have taken TLS off.
function isSameOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && origin.slice(origin.indexOf('://') + 3) === host;
}

function refusal(who: string): LaminaError {
  return new LaminaError('FORBIDDEN', {
    message: `Web pages of ${who} may not call this server; its operator can allow them.`,
  });
}

function addCorsHeaders(ctx: Context, origin: string): void {
  ctx.set('Access-Control-Allow-Origin', origin);
  ctx.set('Access-Control-Expose-Headers', 'x-request-id, retry-after');
  if (origin !== '*') ctx.vary('Origin');
}

function answerPreflight(ctx: Context): void {
  ctx.set('Access-Control-Allow-Methods', 'GET, HEAD, POST, DELETE');
  ctx.set('Access-Control-Allow-Headers', ctx.get('access-control-request-headers') || 'authorization, content-type');
  ctx.set('Access-Control-Max-Age', '600');
  ctx.status = 204;
}
