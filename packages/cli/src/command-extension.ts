// The extension point `command`: commands that plugins contribute to `lamina`.
import type { Lamina } from '@lamina/core';
import type { CliIo } from './cli-io.js';
import type { CommandResult } from './printer.js';

/**
 * A command that a plugin contributes. Its name and one line of help stand in the plugin's package.json, so that
 * `lamina --help` loads no plugin: `"lamina": { "plugin": "./index.js", "commands": { "greet": "Greet a model" } }`.
 * @example
 * ```ts
 * import type { CommandExtension } from '@lamina/cli';
 *
 * const greet: CommandExtension = {
 *   name: 'greet',
 *   arguments: [{ name: '<model>', description: 'Name of a model' }],
 *   options: [{ flags: '--loudly', description: 'In capital letters' }],
 *   run: ({ arguments: [model], options }) => {
 *     const text = `Hello, ${String(model)}`;
 *     return { json: { text }, text: options['loudly'] === true ? text.toUpperCase() : text };
 *   },
 * };
 * ```
 */
export interface CommandExtension {
  readonly name: string;
  /** Its arguments, in order. Default: none. */
  readonly arguments?: readonly CommandArgument[];
  /** Its options, besides those of every command. Default: none. */
  readonly options?: readonly CommandOption[];
  /**
   * How Lamina is opened for it: `attached` works beside a running server and starts nothing; `owner` can start models and
   * downloads, and fails while another Lamina uses the data directory. Default `attached`.
   */
  readonly mode?: 'attached' | 'owner';
  /** Does the work. It may return what to print, or write to `io` itself. */
  run(invocation: CommandInvocation): CommandResult | void | Promise<CommandResult | void>;
}

/** An argument of a contributed command. */
export interface CommandArgument {
  /** `<model>` is required, `[model]` is not, `[models...]` takes several. */
  readonly name: string;
  readonly description: string;
}

/** An option of a contributed command. */
export interface CommandOption {
  /** `--loudly`, or with a value `--name <text>`. */
  readonly flags: string;
  readonly description: string;
}

/** What a contributed command works with. */
export interface CommandInvocation {
  readonly lamina: Lamina;
  /** In the order in which they are declared; `undefined` for one that was left out. */
  readonly arguments: readonly (string | readonly string[] | undefined)[];
  /** By the name of the flag, as `dryRun` for `--dry-run`; `true` for one without a value. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly io: CliIo;
  /** Aborted when the command is to end, as by Ctrl-C. */
  readonly signal: AbortSignal;
}

declare module '@lamina/core' {
  interface ExtensionPoints {
    command: CommandExtension;
  }
}
