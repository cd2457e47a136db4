// The plugin: models from the Hugging Face Hub.
import { definePlugin } from '@lamina/core/plugin';
import { readSettings } from './settings.js';
import { hubSource } from './source.js';

/**
 * What `hfSource()` takes. What is left out is looked for in the environment, under the names Hugging Face's own tools
 * use.
 */
export const optionsSchema = {
  type: 'object',
  properties: {
    token: {
      type: 'string',
      minLength: 1,
      description: 'An access token, for gated and private models and higher limits.',
      default: '`HF_TOKEN`, or the file that `hf auth login` writes',
    },
    endpoint: {
      type: 'string',
      pattern: '^https?://',
      description: 'The Hub, or a mirror of it.',
      default: '`HF_ENDPOINT`, or https://huggingface.co',
    },
    cache_dir: {
      type: 'string',
      minLength: 1,
      description: 'The cache of the Hugging Face tools, whose models are used in place.',
      default: '`HF_HUB_CACHE`, or `~/.cache/huggingface/hub`',
    },
    adopt: { type: 'boolean', description: 'Offer the models that the cache holds.', default: true },
  },
  additionalProperties: false,
} as const;

/**
 * Registers the source `huggingface`: `hfSource()`, or `hfSource({ token })`. It takes `{ repo_id, filename?, revision?
 * }`, `org/name`, `org/name:Q8_0`, `hf:org/name` and links to the Hub.
 */
export const hfSource = definePlugin({
  name: 'hf-source',
  options: optionsSchema,
  setup: (lamina, options) => lamina.addSource(hubSource(readSettings(options, lamina.env))),
});
