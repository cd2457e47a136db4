// Serves routes: checks the key, the query and the body of a request, runs the handler, and responds with what it returns.
import { check, describeProblems, LaminaError, type JsonObject, type Schema } from '@lamina/core';
import type { RouterContext } from '@koa/router';
import type { Next } from 'koa';
import { callerOf, requireKey } from '../middleware/authentication.js';
import { isJson, visibleTo } from '../middleware/redaction.js';
import { maxSmallBody, readObject } from '../request/body.js';
import { RequestContext } from './request-context.js';
import type { HttpRoute, RouteServices } from './route.js';

/** Adds a route to the router. */
export function mount(route: HttpRoute, services: RouteServices): void {
  const { method, path, scope } = route;
  services.router.register(path, [method], async (ctx: RouterContext, next: Next) => {
    if (scope !== 'public') requireKey(ctx, scope === 'any' ? undefined : scope);
    if (route.query !== undefined) requireValid(route.query, ctx.query, 'The parameter');
    const body = route.body === undefined ? undefined : await readChecked(ctx, route.body, services);
    ctx.res.statusCode = 204; // For a handler that neither returns nor sends anything. A body makes it 200.
    const value = await route.handler(new RequestContext(ctx, body, next));
    if (value !== undefined) ctx.body = isJson(value) ? visibleTo(callerOf(ctx), value) : value;
  });
}

/** @throws LaminaError `REQUEST_INVALID`, and what {@link readObject} throws */
async function readChecked({ req }: RouterContext, schema: Schema, { limits }: RouteServices): Promise<JsonObject> {
  const body = (await readObject(req, { ...limits, bytes: Math.min(limits.bytes, maxSmallBody) })) ?? {};
  requireValid(schema, body, 'The body is invalid:');
  return body;
}

/** @throws LaminaError `REQUEST_INVALID`, with the first wrong field and a message that begins with `lead` */
function requireValid(schema: Schema, value: unknown, lead: string): void {
  const [problem, ...others] = check(schema, value);
  if (problem === undefined) return;
  const param = problem.path.join('.');
  throw new LaminaError('REQUEST_INVALID', {
    message: `${lead} ${describeProblems([problem, ...others])}.`,
    ...(param === '' ? {} : { param }),
  });
}
