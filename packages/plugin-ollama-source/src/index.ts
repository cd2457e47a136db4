// The plugin `ollama-source`: models from Ollama's registry and compatible ones, and from an Ollama store on this machine.
import { definePlugin } from '@lamina/core/plugin';
import { storeImport } from './import.js';
import { applyDefaults, type RequestDefaults } from './request-defaults.js';
import { readSettings } from './settings.js';
import { ollamaRegistrySource } from './source.js';

const hosts = { type: 'array', items: { type: 'string', minLength: 1 } } as const;

/** The options of `ollamaSource()`. */
export const optionsSchema = {
  type: 'object',
  properties: {
    registries: {
      ...hosts,
      description:
        'Other registries, as `host` or `host:port`, that requests from the network may use. models.yaml and the command line can use any.',
      default: [],
    },
    insecure_registries: {
      ...hosts,
      description: 'Registries, as `host` or `host:port`, that use http. Registries on this machine always do.',
      default: [],
    },
    models_dir: {
      type: 'string',
      minLength: 1,
      description: 'An Ollama store. Its models are used in place.',
      default: '`OLLAMA_MODELS`, or the default directories',
    },
    adopt: { type: 'boolean', description: 'List the models of the store.', default: true },
  },
  additionalProperties: false,
} as const;

/**
 * Registers the source `ollama`. References: `{ model: "llama3.2:3b" }`, `llama3.2`, `name/model:tag`,
 * `hf.co/org/name:Q8_0`, `registry.example:5000/name/model`. The sampling parameters and the system prompt of an Ollama
 * model are defaults for requests that do not set them.
 * @example
 * ```ts
 * ollamaSource({ registries: ['registry.example:5000'] })
 * ```
 */
export const ollamaSource = definePlugin({
  name: 'ollama-source',
  options: optionsSchema,
  setup(lamina, options) {
    const settings = readSettings(options, lamina.env);
    const adopted = new Map<string, RequestDefaults>();
    lamina.addSource(ollamaRegistrySource(settings, adopted));
    lamina.extend('import', storeImport(settings));
    lamina.hooks.beforeRequest.tap((request) => applyDefaults(request, lamina.models, adopted));
  },
});
