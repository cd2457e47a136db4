// The last middleware: responds when no route matched, because of the method or the path.
import { LaminaError, nearestHint } from '@lamina/core';
import type { Layer, Router } from '@koa/router';
import type { Context, Middleware } from 'koa';
import { requiredFields } from '../request/inference-body.js';

/** Responds 405 with the methods of the path, or 404 with what to change. */
export function notFound(router: Router): Middleware {
  return (ctx) => {
    const allowed = methodsOf(ctx);
    // A route of a plugin may have handed a request on for which there is no other.
    if (allowed.length === 0 || allowed.includes(ctx.method)) throw unknownRoute(ctx, router);
    if (ctx.method !== 'OPTIONS')
      throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed });
    ctx.status = 204;
    ctx.set('Allow', allowed.join(', '));
  };
}

/** The error for a path without a route: with the right base URL if that is the mistake, else with the nearest route. */
export function unknownRoute(ctx: Context, router: Router): LaminaError {
  const { method, path } = ctx;
  const intended = routeAtEnd(path);
  const hint = intended === undefined ? nearestRoute(path, router) : baseUrlHint(ctx, router, intended);
  return new LaminaError('ROUTE_NOT_FOUND', { method, path, hint });
}

/** The path of the route for all other requests under /v1, which engines answer. */
export const anyRoute = '/v1/*route';

/** What OpenAI's and Anthropic's clients append to their base URL, the longest first. */
const clientRoutes = ['models', ...requiredFields.keys()].sort((a, b) => b.length - a.length);

/** The route of a client's library at the end of a path. */
export function routeAtEnd(path: string): string | undefined {
  return clientRoutes.find((route) => path.endsWith(`/${route}`));
}

function baseUrlHint({ protocol, host }: Context, { opts }: Router, route: string): string {
  const origin = `${host === '' ? '' : `${protocol}://${host}`}${opts.prefix ?? ''}`;
  return route.startsWith('messages')
    ? `Use ${origin || '/'} as the base URL, without /v1, which Anthropic's clients add.`
    : `Use ${origin}/v1 as the base URL.`;
}

function nearestRoute(path: string, { stack }: Router): string {
  const known = stack
    .filter((layer) => layer.methods.length > 0)
    .map((layer) => String(layer.path))
    .filter((route) => route.startsWith('/') && route !== anyRoute);
  const hint = nearestHint(path.slice(0, 100), known.map(readable));
  return `${hint[0]!.toUpperCase()}${hint.slice(1)}`;
}

// A route without a wildcard wins over one with a wildcard.
function methodsOf(ctx: Context): string[] {
  const matched = (ctx['matched'] as Layer[] | undefined) ?? [];
  const exact = matched.filter(({ path }) => !String(path).includes('*'));
  return [...new Set((exact.length > 0 ? exact : matched).flatMap((layer) => layer.methods))].sort();
}

function readable(route: string): string {
  return route.replace(/\*(\w+)/g, '<$1>');
}
