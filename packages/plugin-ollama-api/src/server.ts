// `GET /` and `GET /api/version`, by which clients know that there is an Ollama.
import type { HttpRoute } from '@lamina/server-koa';

/** The version of Ollama whose API this is. Clients read it as numbers; some require 0.6.4. */
const version = '0.12.6';

/** The routes. */
export const serverRoutes: readonly HttpRoute[] = [
  {
    method: 'GET',
    path: '/',
    scope: 'public',
    summary: "Says that the server runs, for Ollama's clients",
    content: { response: { 'text/plain': { type: 'string' } } },
    // A browser gets the page of the server.
    handler: ({ koa, next }) => (koa.get('accept').includes('text/html') ? next() : 'Ollama is running'),
  },
  {
    method: 'GET',
    path: '/api/version',
    scope: 'any',
    summary: 'The version of Ollama whose API this is',
    handler: () => ({ version }),
  },
];
