// Extension points: named, typed lists to which plugins contribute, and which hosts and packages read.

/**
 * The extension points and the type of what plugins contribute to each. It is empty: a package that reads an extension
 * point declares it.
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
// eslint-disable-next-line @typescript-eslint/no-empty-object-type -- packages add members to it
export interface ExtensionPoints {}

/** What one plugin contributed to an extension point. */
export interface Contribution<Value = unknown> {
  /** The name of the plugin. */
  readonly plugin: string;
  readonly value: Value;
}
