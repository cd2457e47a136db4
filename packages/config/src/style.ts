// Colours of text on a terminal, for the commands lamina and lamina-server.
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { Environment } from './file.js';

const formats = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const;

/** Marks text; without colours, each function returns its argument. */
export type Style = Readonly<Record<(typeof formats)[number], (text: string) => string>>;

/** A stream that may be a terminal. */
export type OutputStream = Writable & {
  readonly isTTY?: boolean;
  /** Width in characters. */
  readonly columns?: number;
  /** Height in lines. */
  readonly rows?: number;
};

/**
 * The style of a stream. `NO_COLOR`, `FORCE_COLOR` and `CLICOLOR_FORCE` decide, in this order; otherwise, terminals have
 * colours, except where `TERM` is `dumb`.
 */
export function styleOf(stream: OutputStream, env: Environment): Style {
  const isColoured = hasColours(stream, env);
  // `styleText` would decide by itself, but in Node 20 it does so for a single format only.
  const mark = (format: (typeof formats)[number]) => (text: string) =>
    isColoured ? styleText(format, text, { validateStream: false }) : text;
  return Object.fromEntries(formats.map((format) => [format, mark(format)])) as Record<
    (typeof formats)[number],
    (text: string) => string
  >;
}

function hasColours({ isTTY = false }: OutputStream, env: Environment): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, CLICOLOR_FORCE: cliForce, TERM: term } = env;
  if (no) return false;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (cliForce) return cliForce !== '0';
  return isTTY && term !== 'dumb';
}
