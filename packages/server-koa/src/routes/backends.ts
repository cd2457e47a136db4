// /backends: the engines of this server, and which are missing.
import { backendsView, installationView } from '@lamina/core';
import type { HttpRoute, RouteServices } from './route.js';

/** The routes. What runs programs is a POST and needs the scope `manage`. */
export function backendRoutes({ lamina: { backends } }: RouteServices): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/backends',
      scope: 'any',
      summary: 'All backends',
      handler: async ({ signal }) => backendsView(await backends.list({ signal })),
    },
    {
      method: 'POST',
      path: '/backends/refresh',
      scope: 'manage',
      summary: 'Looks for engines again',
      handler: async ({ signal }) => backendsView(await backends.list({ refresh: true, signal })),
    },
    {
      method: 'POST',
      path: '/backends/:name/install',
      scope: 'manage',
      summary: 'Installs the engine of a backend that can install itself',
      handler: async ({ params, signal }) => installationView(await backends.install(params['name']!, { signal })),
    },
  ];
}
