// Writes the OpenAPI document of a table of routes, from the schemas that validate their requests and describe their
// responses.
import { createRequire } from 'node:module';
import type { JsonObject, Schema } from '@lamina/core';
import { errorViewSchema } from '@lamina/core/protocol';
import type { HttpRoute } from '../routes/route.js';
import { SchemaComponents } from './schema-components.js';

/** What the document says of a route. */
export type DocumentedRoute = Omit<HttpRoute, 'handler'>;

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** The schemes with which a key is sent. Their lists in `security` hold the scope that the key needs. */
const securitySchemes = {
  bearer: { type: 'http', scheme: 'bearer', description: 'An API key. A server without keys needs none.' },
  apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'The same key, as some clients send it.' },
} as const;

/** The OpenAPI 3.1 document of these routes; `prefix` is the path under which they are served. */
export function openApi(routes: readonly DocumentedRoute[], prefix = ''): JsonObject {
  const components = new SchemaComponents();
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    const path = route.path.replace(/[:*](\w+)/g, '{$1}');
    const methods = (paths[path] ??= {});
    methods[route.method.toLowerCase()] ??= operation(route, components);
  }
  const error = content({ 'application/json': errorViewSchema }, components);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lamina',
      version,
      description:
        'Language models on your own machines, with an API that is compatible with that of OpenAI. Clients must ignore fields that they do not know. The WebSocket and the events are in asyncapi.json.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: prefix === '' ? '/' : prefix }],
    paths,
    components: {
      securitySchemes,
      responses: { Error: { description: 'The request failed.', content: error } },
      schemas: components.schemas,
    },
  };
}

function operation(route: DocumentedRoute, components: SchemaComponents): JsonObject {
  const { method, path, scope, summary, body, query, content: contents = {} } = route;
  const request = body === undefined ? contents.request : { 'application/json': body };
  return {
    operationId: `${method.toLowerCase()}${path.replace(/\W+(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    ...(summary === undefined ? {} : { summary }),
    security: scope === 'public' ? [] : Object.keys(securitySchemes).map((name) => ({ [name]: scopesFor(scope) })),
    parameters: [...pathParameters(path), ...queryParameters(query)],
    ...(request === undefined ? {} : { requestBody: requestBody(request, components) }),
    responses: { ...successes(route, components), default: { $ref: '#/components/responses/Error' } },
  };
}

function scopesFor(scope: DocumentedRoute['scope']): readonly string[] {
  return scope === 'any' ? [] : [scope];
}

function requestBody(contents: Readonly<Record<string, Schema>>, components: SchemaComponents): JsonObject {
  const isRequired = Object.values(contents).some(({ required }) => Array.isArray(required) && required.length > 0);
  return { required: isRequired, content: content(contents, components) };
}

function successes(
  { status = 200, response, content: other }: DocumentedRoute,
  components: SchemaComponents,
): JsonObject {
  const contents = response === undefined ? other?.response : { 'application/json': response };
  const said = response?.['description'];
  const description = typeof said === 'string' ? said : 'The request succeeded.';
  const answer = { description, ...(contents === undefined ? {} : { content: content(contents, components) }) };
  return Object.fromEntries([status].flat().map((each) => [String(each), answer]));
}

function content(contents: Readonly<Record<string, Schema>>, components: SchemaComponents): JsonObject {
  return Object.fromEntries(
    Object.entries(contents).map(([type, schema]) => [type, { schema: components.refer(schema) }]),
  );
}

function pathParameters(path: string): JsonObject[] {
  return [...path.matchAll(/([:*])(\w+)/g)].map(([, kind, name]) => ({
    name: name!,
    in: 'path',
    required: true,
    ...(kind === '*' ? { description: 'May contain slashes, percent-encoded or not.' } : {}),
    schema: { type: 'string', minLength: 1 },
  }));
}

function queryParameters(query: Schema | undefined): JsonObject[] {
  const { properties = {}, required = [] } = (query ?? {}) as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(typeof description === 'string' ? { description } : {}),
    schema: schema as JsonObject,
  }));
}
