// The input and output of a command.
import type { Readable } from 'node:stream';
import type { OutputStream } from '@lamina/config';

/** A stream that may be a keyboard. */
export type InputStream = Readable & { readonly isTTY?: boolean; setRawMode?(isRaw: boolean): unknown };

/** What a command reads and writes: those of the process, or substitutes in a program. */
export interface CliIo {
  /** Environment variables: those of the settings, `LAMINA_API_KEY`, `NO_COLOR`, and those that plugins read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prompts, and answers to questions. Default: there is no input. */
  readonly stdin?: InputStream;
  /** Results. Tables fit its width, and have colours, when it is a terminal. */
  readonly stdout: OutputStream;
  /** Errors, questions and progress, which is drawn when it is a terminal. */
  readonly stderr: OutputStream;
  /** Stops the command in an orderly way; the reason is the name of a signal, such as `SIGINT`. */
  readonly signal: AbortSignal;
  /** Takes what a second signal does, in place of the end of the process. */
  onForce?(run: () => void): void;
  /** Takes what SIGHUP does, where it asks for a reload. */
  onReload?(run: () => void): void;
  /**
   * The path of the command as it was invoked, which decides in which project plugins and the configuration file are
   * looked for. Default: the file of this package.
   */
  readonly path?: string | undefined;
}

/** Whether somebody can be asked: the input is a keyboard, the question can be seen, and no service runs the command. */
export function isInteractive({ stdin, stderr, env }: CliIo): boolean {
  return stdin?.isTTY === true && stderr.isTTY === true && !env['CI'];
}
