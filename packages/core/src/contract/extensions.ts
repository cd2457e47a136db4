// Extension points: named, typed lists to which plugins contribute, and which hosts and packages read.

import type { ModelImport } from './model-import.js';
import type { Schema } from './schema.js';

/**
 * The extension points and the type of what plugins contribute to each. A package that reads an extension point declares
 * it; core reads `modelEntry`, and hosts that import models read `import`.
 * @example
 * ```ts
 * declare module '@lamina/core' {
 *   interface ExtensionPoints {
 *     greeting: { readonly text: string };
 *   }
 * }
 *
 * const texts = lamina.extensions('greeting').map(({ value }) => value.text);
 * ```
 */
export interface ExtensionPoints {
  /**
   * Keys of the plugin's own in the entries under `models:` of the manifest: key → JSON Schema of its value. A value that
   * does not fit makes the manifest invalid, as one of Lamina's own keys does. A string with `format: 'model'` is the
   * name or an alias of a model; when there is none, a diagnostic says so. Taps find the entries in
   * `discovery.manifest`. A key of Lamina or of another plugin stops the start (`PLUGIN_INVALID`).
   * @example
   * ```ts
   * const owners = definePlugin({
   *   name: 'owners',
   *   setup: (lamina) => lamina.extend('modelEntry', { owner: { type: 'string', description: 'Who to ask.' } }),
   * });
   * ```
   */
  readonly modelEntry: Readonly<Record<string, Schema>>;
  /**
   * The models of another program, which `lamina import <name>` adds to the manifest.
   * @example
   * ```ts
   * const shelf = definePlugin({
   *   name: 'shelf',
   *   setup: (lamina) =>
   *     lamina.extend('import', {
   *       name: 'shelf',
   *       read: async ({ directory = '/srv/shelf' }) => ({
   *         from: directory,
   *         models: { tiny: { path: `${directory}/tiny.gguf` } },
   *         notes: [],
   *       }),
   *     }),
   * });
   * ```
   */
  readonly import: ModelImport;
}

/** What one plugin contributed to an extension point. */
export interface Contribution<Value = unknown> {
  /** The name of the plugin. */
  readonly plugin: string;
  readonly value: Value;
}
