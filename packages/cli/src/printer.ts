// Writes results and errors: text or JSON documents on standard output, errors on standard error.
import type { Writable } from 'node:stream';
import type { LaminaError } from '@lamina/core/protocol';

/** What a command found or did. */
export interface CommandResult {
  /** The document that `--json` prints. */
  readonly json: unknown;
  /** The text for people; may have several lines. */
  readonly text: string;
  /** Exit code. Default 0. */
  readonly code?: number;
}

/** Writes the output of one command. */
export class Printer {
  constructor(
    private readonly stdout: Writable,
    private readonly stderr: Writable,
    /** Whether documents are printed instead of text. */
    readonly json: boolean,
  ) {}

  result({ json, text }: CommandResult): void {
    if (this.json) this.document(json);
    else this.stdout.write(`${stripControls(text)}\n`);
  }

  /** Prints one JSON document, in one line. */
  document(value: unknown): void {
    this.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Prints a note while a command runs. */
  notice(text: string): void {
    this.stderr.write(`${stripControls(text)}\n`);
  }

  /** Prints one sentence, or with `--json` the error object that a server would send. */
  error(error: LaminaError): void {
    this.stderr.write(
      this.json ? `${JSON.stringify({ error: error.toWire() })}\n` : `lamina: ${stripControls(error.message)}\n`,
    );
  }
}

/** Removes control characters: names and descriptions come from others, and a terminal would obey them. */
export function stripControls(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is removed
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
