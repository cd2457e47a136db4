// The plugin: models from the Ollama registry and others of its kind, and from an Ollama store on this machine.
import { definePlugin } from '@lamina/core/plugin';
import { applyDefaults, type RequestDefaults } from './request-defaults.js';
import { readSettings } from './settings.js';
import { ollamaRegistrySource } from './source.js';

const hosts = { type: 'array', items: { type: 'string', minLength: 1 } } as const;

/** What `ollamaSource()` takes. */
export const optionsSchema = {
  type: 'object',
  properties: {
    registries: {
      ...hosts,
      description:
        'Other registries, as `host` or `host:port`, that a request from the network may name too. models.yaml and the command line may name any.',
      default: [],
    },
    insecure_registries: {
      ...hosts,
      description: 'Registries, as `host` or `host:port`, that speak http. Those on this machine need not be named.',
      default: [],
    },
    models_dir: {
      type: 'string',
      minLength: 1,
      description: 'An Ollama store, whose models are used in place.',
      default: '`OLLAMA_MODELS`, or the usual folders',
    },
    adopt: { type: 'boolean', description: 'Offer the models that the store holds.', default: true },
  },
  additionalProperties: false,
} as const;

/**
 * Registers the source `ollama`: `ollamaSource()`. It takes `{ model: "llama3.2:3b" }`, `llama3.2`, `name/model:tag`,
 * `hf.co/org/name:Q8_0` and `registry.example:5000/name/model`. What an Ollama model says of sampling and its system
 * prompt holds for requests that say nothing.
 */
export const ollamaSource = definePlugin({
  name: 'ollama-source',
  options: optionsSchema,
  setup(lamina, options) {
    const settings = readSettings(options, lamina.env);
    const adopted = new Map<string, RequestDefaults>();
    lamina.addSource(ollamaRegistrySource(settings, adopted));
    lamina.hooks.beforeRequest.tap((request) => applyDefaults(request, lamina.models, adopted));
  },
});
