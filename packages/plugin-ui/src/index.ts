// The plugin `ui`: a web page for models, chats, downloads, requests, a dashboard, logs and events.
import { definePlugin } from '@lamina/core/plugin';
import type {} from '@lamina/server-koa';
import { captureRoutes } from './capture/capture-routes.js';
import { Capture } from './capture/capture.js';
import { optionsSchema } from './options.js';
import { pageRoutes } from './routes.js';

export { optionsSchema };

/**
 * Serves a web page below `/ui/`, which uses the routes and the WebSocket of the server.
 * @example
 * ```ts
 * import { ui } from '@lamina/plugin-ui';
 *
 * const plugin = ui({ capture: true }); // Default: prompts and answers are not kept.
 * ```
 */
export const ui = definePlugin({
  name: 'ui',
  options: optionsSchema,
  setup(lamina, { capture: isOn = false }) {
    const capture = isOn ? new Capture(lamina) : undefined;
    lamina.extend('http', { page: '/ui/', routes: [...captureRoutes(capture), ...pageRoutes()] });
  },
});
