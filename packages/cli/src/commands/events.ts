// lamina events: shows the events of a server as they happen.
import type { Command } from 'commander';
import type { UnknownEvent } from '@lamina/client';
import { percent, showBytes, showElapsed } from '../amounts.js';
import type { GlobalOptions } from '../global-options.js';
import type { Printer } from '../printer.js';
import type { ClientContext, Session } from '../session.js';
import { wrapAt } from '../table.js';
import { addExample } from './example.js';

interface EventsOptions extends GlobalOptions {
  readonly types?: readonly string[];
}

/** Types are padded to this width; few are longer than `request.finished`. */
const typeWidth = 16;
/** What is before the words: a time, a type, and blanks. */
const leadWidth = 'hh:mm:ss'.length + 2 + typeWidth + 2;
/** The first part of an ID is enough to tell requests apart. */
const uuid = /^([0-9a-f]{8})-[0-9a-f-]{27}$/;
/** Amounts of bytes. */
const byteFields = new Set(['bytes', 'done', 'total', 'bytes_per_second']);

/** Adds the command. */
export function eventsCommand(program: Command, session: Session): void {
  const command = program
    .command('events')
    .option('--types <names>', 'Only these types, such as model.state,model.ready', (text) => text.split(','))
    .summary('Show events of the server until Ctrl-C')
    .description('Show events of the server until Ctrl-C (exit code 130)')
    .action((_: unknown, command: Command) => {
      const options = command.optsWithGlobals<EventsOptions>();
      return session.connect(options, (context) => show(options, context));
    });
  addExample(command, 'lamina events --types model.state,download.finished');
}

/** Until the signal of the command is aborted, or the server refuses. */
function show({ types = ['*'] }: EventsOptions, { client, io, printer }: ClientContext): Promise<void> {
  const { signal } = io;
  return new Promise((_, reject) => {
    for (const type of types)
      client.on(
        type as '*',
        (event) => (printer.json ? printer.document(event) : printer.write(lineOf(event, printer, io.stdout.columns))),
        { signal },
      );
    client.on('disconnected', () => printer.notice('The connection was lost. Connecting again.'), { signal });
    client.on('gap', () => printer.notice('Some events were missed.'), { signal });
    client.on('error', reject, { signal });
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** `12:30:01  model.state         tiny, starting → ready`. */
function lineOf(
  { id: _id, at, type, model, from, to, ...fields }: UnknownEvent,
  { style }: Printer,
  columns: number | undefined,
): string {
  const time = new Date(at).toLocaleTimeString('en-GB');
  const words = [
    ...(model === undefined ? [] : [textOf(model)]),
    ...(from === undefined || to === undefined ? [] : [`${textOf(from)} → ${textOf(to)}`]),
    ...Object.entries(fields).flatMap(([name, value]) => (value === false ? [] : fieldOf(name, value))),
  ];
  return `${style.dim(time)}  ${style.cyan(type.padEnd(typeWidth))}  ${wrapAt(leadWidth, words.join(', '), columns)}\n`;
}

/** A field in words: `load 1.2 s`, `done 40.0 MB`, `ratio 38 %`. */
function fieldOf(name: string, value: unknown): string {
  const words = name.replace(/_ms$/, '').replaceAll('_', ' ');
  if (value === true) return words;
  if (typeof value !== 'number') return `${words} ${textOf(value)}`;
  if (name === 'ms') return showElapsed(value / 1000);
  if (name.endsWith('_ms')) return `${words} ${showElapsed(value / 1000)}`;
  if (byteFields.has(name)) return `${words} ${showBytes(value)}`;
  return name === 'ratio' ? `${percent(value, 1)} %` : `${words} ${value}`;
}

/** An error by its message, names one after the other; other values as they are. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return uuid.exec(value)?.[1] ?? value;
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(textOf).join(' ');
  const { message } = (value ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? message : JSON.stringify(value);
}
