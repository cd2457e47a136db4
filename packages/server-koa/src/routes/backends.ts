// /backends: the engines of this server, and which are missing.
import { backendsView, installationView } from '@lamina/core';
import { backendsViewSchema, installationViewSchema } from '@lamina/core/protocol';
import type { HttpRoute, RouteServices } from './route.js';

/** The routes. What runs programs is a POST and needs the scope `manage`. */
export function backendRoutes({ lamina: { backends } }: RouteServices): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/backends',
      scope: 'any',
      summary: 'All backends',
      response: backendsViewSchema,
      handler: async ({ signal }) => backendsView(await backends.list({ signal })),
    },
    {
      method: 'POST',
      path: '/backends/refresh',
      scope: 'manage',
      summary: 'Looks for engines again',
      response: backendsViewSchema,
      handler: async ({ signal }) => backendsView(await backends.list({ refresh: true, signal })),
    },
    {
      method: 'POST',
      path: '/backends/:name/install',
      scope: 'manage',
      summary: 'Installs the engine of a backend that can install itself',
      response: installationViewSchema,
      handler: async ({ params, signal }) => installationView(await backends.install(params['name']!, { signal })),
    },
  ];
}
