// The plugin `responses-api`: OpenAI's Responses API, stateless, for every engine that can chat.
import { definePlugin, LaminaError } from '@lamina/core/plugin';
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { bodySchema } from './body.js';
import { errorBody } from './errors.js';
import { RecentItems } from './recent-items.js';
import { respond } from './respond.js';

/**
 * Serves `POST /v1/responses` over chat completions, also for engines that have the route themselves. It has no options.
 * @example
 * ```ts
 * import { createLamina } from '@lamina/core';
 * import { responsesApi } from '@lamina/plugin-responses-api';
 *
 * await createLamina({ plugins: [responsesApi()] });
 * ```
 */
export const responsesApi = definePlugin({
  name: 'responses-api',
  setup(lamina) {
    const recent = new RecentItems();
    const handler = (ctx: HttpContext) => respond(ctx, recent, lamina.clock);
    lamina.extend('http', {
      routes: [...['/v1/responses', '/responses'].map((path) => create(path, handler)), ...stored],
      errorBody,
    });
  },
});

/** Clients whose base URL lacks /v1 are served as well, as on Lamina's own inference routes. */
function create(path: string, handler: HttpRoute['handler']): HttpRoute {
  return {
    method: 'POST',
    path,
    scope: 'inference',
    summary: 'A response of a model, in the form of OpenAI’s Responses API',
    body: bodySchema,
    content: {
      response: {
        'application/json': { type: 'object', additionalProperties: true, description: 'The response.' },
        'text/event-stream': { type: 'string', description: 'With `stream: true`: the events of the response.' },
      },
    },
    handler,
  };
}

const stored = (['GET', 'DELETE'] as const).map((method): HttpRoute => ({
  method,
  path: '/v1/responses/:id',
  scope: 'inference',
  summary: 'Not found: responses are not stored',
  status: 404,
  handler({ koa: { path } }) {
    const hint = 'This server stores no responses; send the whole conversation in "input".';
    throw new LaminaError('ROUTE_NOT_FOUND', { method, path, hint });
  },
}));
