// Routes of Ollama that Lamina does not have: what to do instead.
import { LaminaError } from '@lamina/core/plugin';
import type { HttpRoute } from '@lamina/server-koa';

const instead = {
  '/api/create':
    'Lamina does not create models from Modelfiles. Add a model to models.yaml, with its options; for a preset with a system prompt use the plugin virtual-models.',
  '/api/push': 'Lamina does not upload models. Use the command line of the registry.',
  '/api/blobs/*digest':
    'Lamina does not take uploads of model files. Copy the file into the models directory, or run "lamina install".',
} as const;

/** The routes. */
export const unsupportedRoutes: readonly HttpRoute[] = Object.entries(instead).map(([path, message]) => ({
  method: 'POST',
  path,
  scope: 'manage',
  summary: 'Not supported; the error says what to do instead',
  status: 501,
  handler: () => {
    throw new LaminaError('NOT_SUPPORTED', { message });
  },
}));
