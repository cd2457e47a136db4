// A plugin that adds two routes to the server: a note that a model writes, and how many notes there were.
import { definePlugin } from '@lamina/core/plugin';
import type { HttpContext } from '@lamina/server-koa';

const texts = { model: { type: 'string' }, about: { type: 'string' } };
const body = { type: 'object', properties: texts, required: ['model', 'about'] };

export const notes = definePlugin({
  name: 'notes',
  setup(lamina) {
    let count = 0;
    const write = (ctx: HttpContext) => {
      const { model, about } = ctx.body as { model: string; about: string };
      count += 1;
      const messages = [{ role: 'user', content: `Write a note about ${about}.` }];
      return ctx.infer('chat/completions', { model, messages, stream: true });
    };
    lamina.extend('http', {
      routes: [
        { method: 'POST', path: '/notes', scope: 'inference', body, handler: write },
        { method: 'GET', path: '/notes', scope: 'manage', handler: () => ({ count }) },
      ],
    });
  },
});
