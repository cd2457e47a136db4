// GET /requests: the inference requests under way, and the last that ended.
import { requestsViewSchema } from '@lamina/core/protocol';
import { RequestHistory } from '../request-history.js';
import type { HttpRoute, RouteServices } from './route.js';

const querySchema = {
  type: 'object',
  properties: { after: { type: 'string', description: 'The `id` of the last finished request that the client has.' } },
} as const;

/** The route. */
export function requestRoutes({ lamina, closing }: RouteServices): HttpRoute[] {
  const history = new RequestHistory(lamina, closing);
  return [
    {
      method: 'GET',
      path: '/requests',
      scope: 'manage',
      summary: 'Inference requests under way, and the last 500 that have ended',
      query: querySchema,
      response: requestsViewSchema,
      handler: ({ koa }) => history.view(koa.query['after'] as string | undefined),
    },
  ];
}
