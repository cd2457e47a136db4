// The plugin: models compiled for MLC-LLM, served by it.
import { definePlugin, processOptions } from '@lamina/core/plugin';
import { mlcBackend } from './backend.js';
import { modelOptions } from './options.js';

/**
 * The options of `mlc()` and of `backends.mlc` in models.yaml: where the engine is, and defaults for the options of
 * models.
 */
export const optionsSchema = {
  type: 'object',
  properties: { ...processOptions, ...modelOptions.properties },
  additionalProperties: false,
} as const;

/**
 * Serves directories with an mlc-chat-config.json with MLC-LLM: `mlc()`, or `mlc({ executable: '/opt/mlc/bin/mlc_llm',
 * device: 'cuda:0' })`. Registers the backend type `mlc`. The options are defaults: `backends.<name>` in models.yaml
 * overrides them, `models.<name>.options` both.
 */
export const mlc = definePlugin({
  name: 'mlc',
  options: optionsSchema,
  setup: (lamina, options) => lamina.addBackend(mlcBackend(options)),
});
