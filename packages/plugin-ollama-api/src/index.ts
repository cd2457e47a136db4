// The plugin `ollama-api`: Ollama's API, so that its clients work unchanged.
import { definePlugin } from '@lamina/core/plugin';
import type {} from '@lamina/server-koa';
import { chatRoute } from './chat.js';
import { editRoutes } from './edits.js';
import { embedRoutes } from './embed.js';
import { errorBody } from './errors.js';
import { generateRoute } from './generate.js';
import { listRoutes } from './lists.js';
import { pullRoute } from './pull.js';
import { serverRoutes } from './server.js';
import { unsupportedRoutes } from './unsupported.js';

/**
 * Ollama's API, so that its clients work unchanged. With the port 11434 Lamina is a drop-in replacement.
 * @example
 * ```ts
 * import { createLamina } from '@lamina/core';
 * import { ollamaApi } from '@lamina/plugin-ollama-api';
 *
 * const lamina = await createLamina({ modelsDir: 'models', plugins: [ollamaApi()] });
 * ```
 */
export const ollamaApi = definePlugin({
  name: 'ollama-api',
  setup(lamina) {
    lamina.extend('http', {
      errorBody,
      routes: [
        chatRoute,
        generateRoute,
        ...embedRoutes,
        ...listRoutes,
        pullRoute(lamina.events),
        ...editRoutes,
        ...serverRoutes,
        ...unsupportedRoutes,
      ],
    });
  },
});
