// definePlugin: how a plugin with options is written.
import { type Plugin, type PluginDefinition, apiVersion } from '../contract/plugin.js';
import type { FromSchema, Schema } from '../contract/schema.js';

/**
 * Makes a plugin factory: `export const vllm = definePlugin({ name: 'vllm', options: {…}, setup(lamina, options) {…}
 * })`, used as `vllm({ … })`. Nothing runs and nothing is checked until a host starts.
 */
export function definePlugin<const S extends Schema>(
  definition: PluginDefinition<S>,
): (options?: FromSchema<S>) => Plugin {
  return (options) => ({
    name: definition.name,
    apiVersion,
    ...(definition.options === undefined ? {} : { schema: definition.options }),
    options: options ?? {},
    setup: (lamina, checked) => definition.setup(lamina, checked),
  });
}
