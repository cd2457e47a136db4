// lamina logs: shows what the engine of a model printed.
import { InvalidArgumentError, type Command } from 'commander';
import type { EngineLogLine, LogRange } from '@lamina/client';
import type { GlobalOptions } from '../global-options.js';
import type { Printer } from '../printer.js';
import type { ClientContext, Session } from '../session.js';
import { addExample } from './example.js';

interface LogsOptions extends GlobalOptions {
  readonly follow?: boolean;
  readonly lines?: number;
}

/** Adds the command. */
export function logsCommand(program: Command, session: Session): void {
  const command = program
    .command('logs')
    .argument('<model>', 'Name or alias of a model')
    .option('-f, --follow', 'Show new lines too, until Ctrl-C (exit code 130)')
    .option('-n, --lines <number>', 'Only the last lines (default: all that are kept, up to 1,000)', parseCount)
    .description('Show what the engine of a model printed')
    .action((model: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<LogsOptions>();
      return session.connect(options, (context) => show(model, options, context));
    });
  addExample(command, 'lamina logs llama3.2-3b --follow --lines 20');
}

async function show(
  model: string,
  { follow, lines: limit }: LogsOptions,
  { client, io, printer }: ClientContext,
): Promise<void> {
  const { signal } = io;
  const range = limit === undefined ? {} : { limit };
  if (follow === true) return followFrom(range, model, { client, io, printer });
  const lines = await client.models.logs(model, { ...range, signal });
  for (const line of lines) print(line, printer);
  if (lines.length === 0 && limit !== 0 && !printer.json) printer.notice(`The engine of ${model} has printed nothing.`);
}

/** Until the signal of the command is aborted. After a lost connection it goes on with the next line. */
async function followFrom(
  range: LogRange,
  model: string,
  { client, io: { signal }, printer }: Omit<ClientContext, 'url'>,
): Promise<void> {
  let isRestarted = false;
  client.on('connected', ({ restarted }) => (isRestarted ||= restarted), { signal });
  for (let from = range; ;) {
    try {
      for await (const line of client.models.followLogs(model, { ...from, signal })) {
        print(line, printer);
        from = { after: line.number };
      }
      return;
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'CONNECTION_LOST') throw error;
      printer.notice('The connection was lost. Connecting again.');
      await client.models.get(model, { signal }); // It waits for a connection.
      // A server that was started again counts the lines from 1.
      if (isRestarted) from = { after: 0 };
      isRestarted = false;
    }
  }
}

function print(line: EngineLogLine, printer: Printer): void {
  if (printer.json) return printer.document(line);
  const { dim, yellow } = printer.style;
  const { stream, text, dropped } = line;
  if (dropped !== undefined) printer.write(yellow(`${dropped} lines were not received`) + '\n');
  printer.write(`${stream === 'lamina' ? dim(text) : text}\n`);
}

function parseCount(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number of lines.');
}
