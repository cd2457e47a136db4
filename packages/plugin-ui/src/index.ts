// The plugin `ui`: a web page for models, chats, requests, downloads and logs.
import { definePlugin } from '@lamina/core/plugin';
import type {} from '@lamina/server-koa';
import { pageRoutes } from './routes.js';

/** Serves a web page below `/ui/`, which uses the routes and the WebSocket of the server. */
export const ui = definePlugin({
  name: 'ui',
  setup(lamina) {
    lamina.extend('http', { page: '/ui/', routes: pageRoutes() });
  },
});
