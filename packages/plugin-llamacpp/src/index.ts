// The plugin: GGUF models, served by llama.cpp.
import { definePlugin, processOptions } from '@lamina/core/plugin';
import { llamaCppBackend } from './backend.js';
import { modelOptions } from './options.js';

/**
 * The options of `llamacpp()` and of `backends.llama.cpp` in models.yaml: where the engine is, and defaults for the
 * options of models.
 */
export const optionsSchema = {
  type: 'object',
  properties: { ...processOptions, ...modelOptions.properties },
  additionalProperties: false,
} as const;

/**
 * Serves GGUF models with llama.cpp: `llamacpp()`, or `llamacpp({ executable: '/opt/llama/llama-server', threads: 8
 * })`. Registers the backend type `llama.cpp`. The options are defaults: `backends.<name>` in models.yaml overrides
 * them, `models.<name>.options` both.
 */
export const llamacpp = definePlugin({
  name: 'llamacpp',
  options: optionsSchema,
  setup: (lamina, options) => lamina.addBackend(llamaCppBackend(options)),
});
