// /openapi.json and /asyncapi.json: what this server can do, extensions included.
import { asyncApi } from '../documents/async-api.js';
import { openApi } from '../documents/open-api.js';
import { frameSchema } from '../ws/frames/extensions.js';
import type { HttpContext } from './http-context.js';
import type { HttpRoute, RouteServices } from './route.js';

const documentSchema = { type: 'object', additionalProperties: true } as const;

/** The routes. */
export function documentRoutes({ router, routes, frames }: RouteServices): HttpRoute[] {
  const document = (path: string, summary: string, write: () => object): HttpRoute => ({
    method: 'GET',
    path,
    scope: 'any',
    summary,
    response: { ...documentSchema, description: summary },
    // As text: what looks like a path in it is not one of this machine, and must not be hidden.
    handler({ koa }: HttpContext) {
      koa.type = 'json';
      return JSON.stringify(write());
    },
  });
  const contributed = new Map(
    [...frames].map(([type, { schema, scope }]) => [type, { schema: frameSchema(type, schema), scope }]),
  );
  const prefix = () => router.opts.prefix ?? '';
  return [
    document('/openapi.json', 'The routes of this server as an OpenAPI 3.1 document', () => openApi(routes, prefix())),
    document('/asyncapi.json', 'The frames and events of this server as an AsyncAPI 3 document', () =>
      asyncApi({ frames: contributed, prefix: prefix() }),
    ),
  ];
}
