// lamina events: shows the events of a server as they happen.
import type { Command } from 'commander';
import type { UnknownEvent } from '@lamina/client';
import { percent, showBytes, showElapsed } from '../amounts.js';
import type { GlobalOptions } from '../global-options.js';
import type { Printer } from '../printer.js';
import type { ClientContext, Session } from '../session.js';
import { addExample } from './example.js';

interface EventsOptions extends GlobalOptions {
  readonly types?: readonly string[];
}

/** Types are padded to this width; the longest is `download.cancelled`. */
const typeWidth = 18;
/** Amounts of bytes. */
const byteFields = new Set(['bytes', 'done', 'total', 'bytes_per_second']);

/** Adds the command. */
export function eventsCommand(program: Command, session: Session): void {
  const command = program
    .command('events')
    .option('--types <names>', 'Only these types, such as model.state,model.ready', (text) => text.split(','))
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
        (event) => (printer.json ? printer.document(event) : printer.write(lineOf(event, printer))),
        { signal },
      );
    client.on('disconnected', () => printer.notice('The connection was lost. Connecting again.'), { signal });
    client.on('gap', () => printer.notice('Some events were missed.'), { signal });
    client.on('error', reject, { signal });
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** `12:30:01  model.state         tiny, starting → ready`. */
function lineOf({ id: _id, at, type, model, from, to, ...fields }: UnknownEvent, { style }: Printer): string {
  const time = new Date(at).toLocaleTimeString('en-GB');
  const words = [
    ...(model === undefined ? [] : [textOf(model)]),
    ...(from === undefined || to === undefined ? [] : [`${textOf(from)} → ${textOf(to)}`]),
    ...Object.entries(fields).map(([name, value]) => fieldOf(name, value)),
  ];
  return `${style.dim(time)}  ${style.cyan(type.padEnd(typeWidth))}  ${words.join(', ')}\n`;
}

/** A field in words: `load 1.2 s`, `done 40.0 MB`, `ratio 38 %`. */
function fieldOf(name: string, value: unknown): string {
  const words = name.replace(/_ms$/, '').replaceAll('_', ' ');
  if (typeof value === 'boolean') return value ? words : `not ${words}`;
  if (typeof value !== 'number') return `${words} ${textOf(value)}`;
  if (name === 'ms') return showElapsed(value / 1000);
  if (name.endsWith('_ms')) return `${words} ${showElapsed(value / 1000)}`;
  if (byteFields.has(name)) return `${words} ${showBytes(value)}`;
  return name === 'ratio' ? `${percent(value, 1)} %` : `${words} ${value}`;
}

/** An error by its message, names one after the other; other values as they are. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(textOf).join(' ');
  const { message } = (value ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? message : JSON.stringify(value);
}
