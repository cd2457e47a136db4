// POST /chat/:name: an OpenAI chat request for the model the path names.
import type { Router } from '@koa/router';
import { requireKey } from '../middleware/authentication.js';
import { forward, type Gateway } from '../proxy/forward.js';
import { readIncoming } from '../proxy/incoming.js';

/** Adds the route. */
export function chatRoutes(router: Router, gateway: Gateway): void {
  router.post('/chat/*name', (ctx) => {
    requireKey(ctx, 'inference');
    return forward(
      ctx,
      'chat/completions',
      readIncoming(ctx.req, 'chat/completions', gateway.body, ctx.params['name']),
      gateway,
    );
  });
}
