// The last middleware: responds when no route matched, because of the method or the path.
import { LaminaError, nearestHint } from '@lamina/core';
import type { Layer, Router } from '@koa/router';
import type { Context, Middleware } from 'koa';

/** Responds 405 with the methods of the path, or 404 with the most similar route. */
export function notFound(router: Router): Middleware {
  const routes = router.stack.filter((layer) => layer.methods.length > 0);
  return (ctx) => {
    const allowed = methodsOf(ctx);
    if (allowed.length === 0) throw unknownRoute(ctx.method, ctx.path, routes);
    if (ctx.method !== 'OPTIONS')
      throw new LaminaError('METHOD_NOT_ALLOWED', { method: ctx.method, path: ctx.path, allowed });
    ctx.status = 204;
    ctx.set('Allow', allowed.join(', '));
  };
}

/** The error for a path without a route, with the most similar route. */
export function unknownRoute(method: string, path: string, routes: readonly Layer[]): LaminaError {
  const known = routes
    .map((layer) => String(layer.path))
    .filter((route) => route.startsWith('/') && route !== anyRoute);
  const hint = nearestHint(path.slice(0, 100), known.map(readable));
  return new LaminaError('ROUTE_NOT_FOUND', { method, path, hint: `${hint[0]!.toUpperCase()}${hint.slice(1)}` });
}

/** The path of the route for all other requests under /v1, which engines answer. */
export const anyRoute = '/v1/*route';

// A route without a wildcard wins over one with a wildcard.
function methodsOf(ctx: Context): string[] {
  const matched = (ctx['matched'] as Layer[] | undefined) ?? [];
  const exact = matched.filter(({ path }) => !String(path).includes('*'));
  return [...new Set((exact.length > 0 ? exact : matched).flatMap((layer) => layer.methods))].sort();
}

function readable(route: string): string {
  return route.replace(/\*(\w+)/g, '<$1>');
}
