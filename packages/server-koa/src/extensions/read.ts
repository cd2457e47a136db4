// Reads what plugins contribute to the extension point `http`. Plugins are written by others, so every value is checked
// here, and a wrong one stops the start with a sentence that names the plugin.
import { check, LaminaError, nearestHint, reasonOf, type Lamina, type Schema } from '@lamina/core';
import { clientFrameSchemas, serverFrameSchemas } from '@lamina/core/protocol';
import { Router } from '@koa/router';
import type { Middleware } from 'koa';
import { isJson } from '../middleware/redaction.js';
import { methods, type HttpRoute, type RouteScope } from '../routes/route.js';
import type { FrameExtension, HttpExtension } from './http-extension.js';

/** A route of a plugin. */
export interface ContributedRoute {
  readonly plugin: string;
  readonly route: HttpRoute;
  readonly errorBody?: NonNullable<HttpExtension['errorBody']>;
}

/** What all plugins contribute. */
export interface HttpExtensions {
  readonly routes: readonly ContributedRoute[];
  readonly middleware: readonly Middleware[];
  /** The paths of web pages, in the order of the plugins. */
  readonly pages: readonly string[];
  /** Type of frame → frame. */
  readonly frames: ReadonlyMap<string, FrameExtension>;
}

const scopes: readonly RouteScope[] = ['inference', 'manage', 'any', 'public'];
const frameScopes: readonly FrameExtension['scope'][] = ['inference', 'manage', 'any'];
const extensionKeys = ['routes', 'errorBody', 'middleware', 'page', 'frames'] satisfies (keyof HttpExtension)[];
const routeKeys = [
  'method',
  'path',
  'scope',
  'summary',
  'body',
  'query',
  'response',
  'status',
  'content',
  'handler',
] satisfies (keyof HttpRoute)[];
const frameKeys = ['schema', 'scope', 'run'] satisfies (keyof FrameExtension)[];
const verb = /^[a-z][\w-]*$/;

/** The first parts of the types of Lamina's frames; no plugin of one of these names can have frames. */
const ownPrefixes = new Set(
  [...Object.keys(clientFrameSchemas), ...Object.keys(serverFrameSchemas)].map((type) => type.split('.')[0]!),
);

/** @throws LaminaError `PLUGIN_INVALID` */
export function readHttpExtensions(lamina: Lamina): HttpExtensions {
  const routes: ContributedRoute[] = [];
  const middleware: Middleware[] = [];
  const pages: string[] = [];
  const frames = new Map<string, FrameExtension>();
  for (const { plugin, value } of lamina.extensions('http')) {
    const fail = (reason: string): never => {
      throw new LaminaError('PLUGIN_INVALID', { plugin, reason: `in its extension "http", ${reason}` });
    };
    checkExtension(value, plugin, fail);
    for (const route of value.routes ?? []) {
      const other = routes.find((one) => isSameRoute(one.route, route));
      if (other !== undefined)
        fail(
          `${nameOf(route)} is a route of ${other.plugin === plugin ? 'it twice' : `the plugin "${other.plugin}" too`}`,
        );
      const { errorBody } = value;
      routes.push({ plugin, route, ...(errorBody === undefined ? {} : { errorBody: errorBody.bind(value) }) });
    }
    if (value.middleware !== undefined) middleware.push(value.middleware);
    if (value.page !== undefined) pages.push(value.page);
    for (const [type, frame] of Object.entries(value.frames ?? {})) {
      if (frames.has(type)) fail(`"${type}" is a frame of it twice`);
      frames.set(type, frame);
    }
  }
  return { routes, middleware, pages, frames };
}

/** Reports what is wrong: a part of a sentence, whose subject is named in it. */
type Fail = (reason: string) => never;

function checkExtension(value: unknown, plugin: string, fail: Fail): asserts value is HttpExtension {
  checkObject(value, 'the value', extensionKeys, fail);
  const { routes, errorBody, middleware, page, frames } = value;
  if (routes !== undefined && !Array.isArray(routes)) fail('"routes" is not a list');
  for (const route of (routes ?? []) as unknown[]) checkRoute(route, fail);
  if (errorBody !== undefined) checkFunction(errorBody, '"errorBody"', fail);
  if (middleware !== undefined) checkFunction(middleware, '"middleware"', fail);
  if (page !== undefined && (typeof page !== 'string' || !page.startsWith('/')))
    fail('"page" is not a path that begins with "/"');
  if (frames === undefined) return;
  if (!isJson(frames) || Array.isArray(frames)) fail('"frames" is not an object');
  for (const [type, frame] of Object.entries(frames as object)) checkFrame(type, frame, plugin, fail);
}

function checkRoute(route: unknown, fail: Fail): void {
  checkObject(route, 'a route', routeKeys, fail);
  const { method, path, scope, handler, body, query, response } = route as Partial<HttpRoute>;
  const name = nameOf(route as Partial<HttpRoute>);
  if (typeof path !== 'string' || !path.startsWith('/')) fail(`the path of the route ${name} does not begin with "/"`);
  checkOneOf(method, methods, `the method of the route ${name}`, fail);
  checkOneOf(scope, scopes, `the scope of the route ${name}`, fail);
  checkFunction(handler, `the "handler" of the route ${name}`, fail);
  if (body !== undefined && method === 'GET') fail(`the route ${name} has a body, which a GET has not`);
  for (const [key, schema] of Object.entries({ body, query, response })) {
    if (schema !== undefined) checkSchema(schema, `"${key}" of the route ${name}`, fail);
  }
  try {
    new Router().register(path!, [method!], () => undefined);
  } catch (error) {
    fail(`the path of the route ${name} is not valid: ${reasonOf(error)}`);
  }
}

function checkFrame(type: string, frame: unknown, plugin: string, fail: Fail): void {
  const name = JSON.stringify(type);
  const prefix = `${plugin}.`;
  if (!type.startsWith(prefix) || !verb.test(type.slice(prefix.length)))
    fail(`the frame ${name} is not named like "${prefix}add"`);
  if (ownPrefixes.has(plugin)) fail(`the frame ${name} begins like frames of Lamina; give the plugin another name`);
  checkObject(frame, `the frame ${name}`, frameKeys, fail);
  const { schema, scope, run } = frame as Partial<FrameExtension>;
  checkOneOf(scope, frameScopes, `the scope of the frame ${name}`, fail);
  checkFunction(run, `"run" of the frame ${name}`, fail);
  checkSchema(schema, `"schema" of the frame ${name}`, fail);
}

function checkObject(
  value: unknown,
  what: string,
  known: readonly string[],
  fail: Fail,
): asserts value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(`${what} is not an object`);
  for (const key of Object.keys(value as object)) {
    if (!known.includes(key)) fail(`${what} has the unknown key "${key}"; ${nearestHint(key, known)}`);
  }
}

function checkOneOf(value: unknown, known: readonly string[], what: string, fail: Fail): void {
  if (known.includes(value as string)) return;
  const choice = `use ${known
    .map((one) => `"${one}"`)
    .join(', ')
    .replace(/, ([^,]*)$/, ' or $1')}`;
  fail(value === undefined ? `${what} is missing; ${choice}` : `${what} is ${JSON.stringify(value)}; ${choice}`);
}

function checkFunction(value: unknown, what: string, fail: Fail): void {
  if (typeof value !== 'function') fail(`${what} is not a function`);
}

function checkSchema(schema: unknown, what: string, fail: Fail): void {
  if (!isJson(schema) || Array.isArray(schema)) fail(`${what} is not a JSON Schema`);
  try {
    check(schema as Schema, {});
  } catch (error) {
    fail(`${what} is not a valid JSON Schema: ${reasonOf(error)}`);
  }
}

function nameOf({ method, path }: Partial<HttpRoute>): string {
  return `${String(method)} ${String(path)}`;
}

/** Whether two routes match the same requests but for the names of their parameters. */
function isSameRoute(one: HttpRoute, other: HttpRoute): boolean {
  return one.method === other.method && withoutNames(one.path) === withoutNames(other.path);
}

// As the router matches: upper case and a slash at the end make no difference.
function withoutNames(path: string): string {
  return path
    .replace(/([:*])(\w+|"[^"]*")/g, '$1')
    .replace(/\/$/, '')
    .toLowerCase();
}
