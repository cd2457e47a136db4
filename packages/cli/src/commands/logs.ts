// lamina logs: shows what the engine of a model printed.
import { InvalidArgumentError, type Command } from 'commander';
import { LaminaClientError, type EngineLogLine } from '@lamina/client';
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
    .option('-f, --follow', 'Show new lines too, until Ctrl-C')
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
  if (follow !== true) {
    for (const line of await client.models.logs(model, { ...range, signal })) print(line, printer);
    return;
  }
  for (let after: number | undefined; ;) {
    const from = after === undefined ? range : { after };
    try {
      for await (const line of client.models.followLogs(model, { ...from, signal })) {
        print(line, printer);
        after = line.number;
      }
    } catch (error) {
      // The server was restarted or the network failed: the client connects again.
      if (!(error instanceof LaminaClientError) || error.code !== 'CONNECTION_LOST') throw error;
      printer.notice('The connection was lost. Connecting again.');
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
