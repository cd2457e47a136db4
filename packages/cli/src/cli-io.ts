// The input and output of a command.
import type { Writable } from 'node:stream';

/** What a command reads and writes: those of the process, or substitutes in a program. */
export interface CliIo {
  /** Environment variables: those of the settings, `LAMINA_API_KEY`, and those that plugins read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tables fit its width when it is a terminal. */
  readonly stdout: Writable & { readonly columns?: number };
  /** Progress bars are drawn here when it is a terminal. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
  /** Stops the command in an orderly way; the reason is the name of a signal, such as `SIGINT`. */
  readonly signal: AbortSignal;
  /**
   * The path of the command as it was invoked, which decides in which project plugins and the configuration file are
   * looked for. Default: the file of this package.
   */
  readonly path?: string | undefined;
}
