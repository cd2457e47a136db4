// Sends browsers that open the server's address to the web page of a plugin.
import type { HttpRoute } from './route.js';

/** The route for `GET /`. Other clients than browsers get what they get without a page. */
export function pageRedirect(page: string): HttpRoute {
  return {
    method: 'GET',
    path: '/',
    scope: 'public',
    handler({ koa, next }) {
      koa.vary('Accept');
      if (koa.accepts('json', 'text/plain', 'html') !== 'html') return next();
      // Relative, because a proxy may serve Lamina below a path: from `/ai` to `ai/ui/`, from `/ai/` to `ui/`.
      koa.redirect(`${koa.path.slice(koa.path.lastIndexOf('/') + 1)}${page}`.replace(/^\//, ''));
      return undefined;
    },
  };
}
