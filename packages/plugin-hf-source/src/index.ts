// The plugin `hf-source`: downloads models from the Hugging Face Hub.
import { definePlugin } from '@lamina/core/plugin';
import { readSettings } from './settings.js';
import { hubSource } from './source.js';

/** The options of `hfSource()`. Defaults come from the environment variables of Hugging Face's own tools. */
export const optionsSchema = {
  type: 'object',
  properties: {
    token: {
      type: 'string',
      minLength: 1,
      description: 'An access token for gated and private models and higher rate limits.',
      default: '`HF_TOKEN`, or the file that `hf auth login` writes',
    },
    endpoint: {
      type: 'string',
      pattern: '^https?://',
      description: 'The URL of the Hub or of a mirror.',
      default: '`HF_ENDPOINT`, or https://huggingface.co',
    },
    cache_dir: {
      type: 'string',
      minLength: 1,
      description: 'The cache of the Hugging Face tools. Its models are used in place.',
      default: '`HF_HUB_CACHE`, or `~/.cache/huggingface/hub`',
    },
    adopt: { type: 'boolean', description: 'List the models of the cache.', default: true },
  },
  additionalProperties: false,
} as const;

/**
 * Registers the source `huggingface`. References: `{ repo_id, filename?, revision? }`, `org/name`, `org/name:Q8_0`,
 * `hf:org/name`, and URLs of the Hub.
 * @example
 * ```ts
 * hfSource({ token: 'hf_…' })
 * ```
 */
export const hfSource = definePlugin({
  name: 'hf-source',
  options: optionsSchema,
  setup: (lamina, options) => lamina.addSource(hubSource(readSettings(options, lamina.env))),
});
