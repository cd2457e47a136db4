// The command line of lamina-server.
import { addFlags } from '@lamina/config';
import { Command, CommanderError } from 'commander';

/** The flags that were given, by the names commander gives them. */
export type CommandLine = Readonly<Record<string, unknown>>;

/** Parses the arguments. Returns an exit code after `--help` (0) or wrong usage (2); the message is already printed. */
export function readCommandLine(args: readonly string[]): CommandLine | number {
  try {
    return program().parse(args, { from: 'user' }).opts();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function program(): Command {
  return addFlags(
    new Command('lamina-server').description('Serve language models on this machine with an OpenAI-compatible API.'),
  )
    .helpOption('-h, --help', 'Show help')
    .addHelpText('after', '\nEach flag has an environment variable: LAMINA_PORT for --port.')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: (.)/, asSentence)) })
    .exitOverride();
}

/** Errors begin like those of `lamina`: with the name of the program and a capital letter. */
function asSentence(_: string, first: string): string {
  return `lamina-server: ${first.toUpperCase()}`;
}
