// Writes results and errors: text or JSON documents on standard output, errors on standard error.
import { styleOf, type Style } from '@lamina/config';
import type { LaminaError } from '@lamina/core/protocol';
import type { CliIo } from './cli-io.js';
import { pairs, table, wrap, type TableRow } from './table.js';

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
  /** Marks text for standard output. */
  readonly style: Style;
  /** Marks text for standard error. */
  readonly errorStyle: Style;

  /** Erases the line that says what is waited for, if there is one, before something is printed. */
  eraseStatus: () => void = () => undefined;

  constructor(
    private readonly io: Pick<CliIo, 'stdout' | 'stderr' | 'env'>,
    /** Whether documents are printed instead of text. */
    readonly json: boolean,
  ) {
    this.style = styleOf(io.stdout, io.env);
    this.errorStyle = styleOf(io.stderr, io.env);
  }

  /** The table as it fits standard output; see {@link table}. */
  table(headings: readonly string[], rows: readonly TableRow[]): string {
    return table(headings, rows, { width: this.io.stdout.columns, style: this.style });
  }

  /** Names and values as they fit standard output; see {@link pairs}. */
  pairs(entries: readonly (readonly [name: string, value: string])[]): string {
    return pairs(entries, this.io.stdout.columns);
  }

  /** Sentences, with line breaks between words where standard output is a terminal. */
  wrap(text: string): string {
    return wrap(text, this.io.stdout.columns);
  }

  result({ json, text }: CommandResult): void {
    if (this.json) this.document(json);
    else this.write(`${text}\n`);
  }

  /** Writes text to standard output as it is, without control characters. */
  write(text: string): void {
    this.eraseStatus();
    this.io.stdout.write(stripControls(text, this.style));
  }

  /** Prints one JSON document, in one line. */
  document(value: unknown): void {
    this.io.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Prints a note while a command runs. */
  notice(text: string): void {
    this.eraseStatus();
    this.io.stderr.write(`${wrap(stripControls(text, this.errorStyle), this.io.stderr.columns)}\n`);
  }

  /** Prints one sentence, or with `--json` the error object that a server would send. */
  error(error: LaminaError): void {
    if (this.json) this.io.stderr.write(`${JSON.stringify({ error: error.toWire() })}\n`);
    else this.notice(`${this.errorStyle.red('lamina:')} ${error.message}`);
  }
}

/**
 * Removes control characters: names and descriptions come from others, and a terminal would obey them. With a style that
 * has colours, the marks of its formats stay; those of others can at most colour text.
 */
export function stripControls(text: string, style?: Style): string {
  const isColoured = style !== undefined && style.bold('x') !== 'x';
  return isColoured ? text.replace(otherControls, '') : text.replace(controls, '');
}

/* eslint-disable no-control-regex -- control characters are what is removed */
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;
/** All but the escape of a mark: bold, dim, three colours, cyan, and their ends. */
const otherControls = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]|\u001b(?!\[(?:1|2|22|3[1236]|39)m)/g;
/* eslint-enable no-control-regex */
