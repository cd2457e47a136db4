// The log as text for a terminal: time, level, sentence. pino-pretty is loaded only where there is a terminal.
import { createRequire } from 'node:module';

interface Writer {
  write(text: string): unknown;
}

/** Fields that pino-pretty shows by itself. */
const shown = new Set(['level', 'time', 'msg']);

/** Turns pino's JSON lines into text and writes that, each line at once. */
export function terminalStream(out: Writer): Writer {
  const { prettyFactory } = createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');
  const format = prettyFactory({
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid',
    hideObject: true,
    messageFormat: sentenceOf,
  });
  return { write: (line) => void out.write(format(line)) };
}

/** A line with the field `event` says everything in its message; the fields of other lines are put behind it. */
function sentenceOf(line: Readonly<Record<string, unknown>>): string {
  const message = textOf(line['msg'] ?? '');
  const fields = 'event' in line ? [] : Object.entries(line).filter(([name]) => !shown.has(name));
  const more = fields.map(([name, value]) => `${name}: ${textOf(value)}`).join(', ');
  return visible(more === '' ? message : `${message} (${more})`);
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  // An error: its stack is in the JSON lines only.
  return 'message' in value ? String(value.message) : JSON.stringify(value);
}

/**
 * Names and reasons come from others: no character of theirs may steer the terminal, or begin a line that looks like
 * one of ours.
 */
function visible(text: string): string {
  const oneLine = text.replace(/[\t\r\n]+/g, ' ');
  return oneLine.replace(/\p{Cc}/gu, (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`);
}
