// Where answers and errors go: documents or text on standard output, errors on standard error.
import type { Writable } from 'node:stream';
import type { LaminaError } from '@lamina/core';

/** What a command has to say. */
export interface Answer {
  /** For programs, with `--json`: the document. */
  readonly json: unknown;
  /** For people; may have several lines. */
  readonly text: string;
  /** Default 0. */
  readonly code?: number;
}

/** Writes what one command has to say. */
export class Printer {
  constructor(
    private readonly stdout: Writable,
    private readonly stderr: Writable,
    /** Documents instead of text. */
    readonly json: boolean,
  ) {}

  answer({ json, text }: Answer): void {
    if (this.json) this.document(json);
    else this.stdout.write(`${harmless(text)}\n`);
  }

  /** One JSON document, in one line. */
  document(value: unknown): void {
    this.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Something to know while a command runs. */
  notice(text: string): void {
    this.stderr.write(`${harmless(text)}\n`);
  }

  /** One sentence, or the object that a server would send. */
  error(error: LaminaError): void {
    this.stderr.write(
      this.json ? `${JSON.stringify({ error: error.toWire() })}\n` : `lamina: ${harmless(error.message)}\n`,
    );
  }
}

/** Names and descriptions are others' words: what a terminal would obey is taken out. */
export function harmless(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
