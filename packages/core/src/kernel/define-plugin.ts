// definePlugin: how a plugin with options is written.
import { type Plugin, type PluginDefinition, apiVersion } from '../contract/plugin.js';
import type { FromSchema, Schema } from '../contract/schema.js';

/**
 * Makes a plugin factory, which takes the options and returns a plugin for `createLamina({ plugins })`. Nothing runs and
 * nothing is checked until a host starts.
 *
 * @example
 * ```ts
 * import { definePlugin } from '@lamina/core/plugin';
 *
 * export const threads = definePlugin({
 *   name: 'threads',
 *   options: { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] },
 *   setup: (lamina, { count }) => lamina.hooks.beforeStart.tap((options) => ({ ...options, threads: count })),
 * });
 * ```
 */
export function definePlugin<const S extends Schema>(
  definition: PluginDefinition<S>,
): (options?: FromSchema<S>) => Plugin {
  // What the definition has besides is passed on, so that core names a member that it does not know.
  const { options: schema, needs, ...members } = definition;
  return (given) => {
    const options = given ?? ({} as FromSchema<S>);
    return {
      ...members,
      apiVersion,
      ...(schema === undefined ? {} : { schema }),
      ...(needs === undefined ? {} : { needs: typeof needs === 'function' ? needs(options) : needs }),
      options,
    };
  };
}
