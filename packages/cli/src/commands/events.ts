// lamina events: shows the events of a server as they happen.
import type { Command } from 'commander';
import type { UnknownEvent } from '@lamina/client';
import type { GlobalOptions } from '../global-options.js';
import type { Printer } from '../printer.js';
import type { ClientContext, Session } from '../session.js';
import { addExample } from './example.js';

interface EventsOptions extends GlobalOptions {
  readonly types?: readonly string[];
}

/** Adds the command. */
export function eventsCommand(program: Command, session: Session): void {
  const command = program
    .command('events')
    .option('--types <names>', 'Only these types, such as model.state,model.ready', (text) => text.split(','))
    .description('Show events of the server until Ctrl-C')
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
    client.on('gap', () => printer.notice('Some events were missed.'), { signal });
    client.on('error', reject, { signal });
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** `12:30:01  model.state  model tiny, from starting, to ready`. */
function lineOf({ id: _id, at, type, ...fields }: UnknownEvent, { style }: Printer): string {
  const time = new Date(at).toLocaleTimeString('en-GB');
  const words = Object.entries(fields).map(([name, value]) => `${name} ${textOf(value)}`);
  return `${style.dim(time)}  ${style.cyan(type)}  ${words.join(', ')}\n`;
}

/** An error by its message; other values as they are. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { message } = (value ?? {}) as { readonly message?: unknown };
  return typeof message === 'string' ? message : JSON.stringify(value);
}
