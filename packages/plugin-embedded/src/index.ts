// The plugin: serves GGUF models with an engine that it installs itself.
import { definePlugin, processOptions } from '@lamina/core/plugin';
import { embeddedBackend } from './backend.js';
import { instanceOptions, modelOptions } from './options.js';

/**
 * The options of `embedded()` and of `backends.embedded` in models.yaml: which build, where it is, and defaults for the
 * options of models.
 */
export const optionsSchema = {
  type: 'object',
  properties: {
    ...instanceOptions.properties,
    executable: {
      ...processOptions.executable,
      description: 'Node executable that runs the engine.',
      default: 'the Node executable that runs Lamina',
    },
    default_args: { ...processOptions.default_args, description: 'Arguments for Node, before the program.' },
    env: processOptions.env,
    ...modelOptions.properties,
  },
  additionalProperties: false,
} as const;

/**
 * Serves GGUF models with node-llama-cpp, which is installed on first use: `embedded()`, or `embedded({ gpu:
 * 'auto', fallback: false })`. Registers the backend type `embedded`. It is chosen when no other backend accepts a model
 * and, unless `fallback` is false, for models that name llama.cpp while llama.cpp is not available. The options are defaults:
 * `backends.<name>` in models.yaml overrides them, `models.<name>.options` both.
 */
export const embedded = definePlugin({
  name: 'embedded',
  options: optionsSchema,
  setup: (lamina, options) => lamina.addBackend(embeddedBackend(lamina.dataDir, options)),
});
