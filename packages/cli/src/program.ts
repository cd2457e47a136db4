// Defines the command line: commands, options, and their help.
import { addFlags } from '@lamina/config';
import { Command, InvalidArgumentError } from 'commander';
import type { CliIo } from './cli-io.js';
import { backendsCommand } from './commands/backends.js';
import { configCommand } from './commands/config.js';
import { downloadsCommand } from './commands/downloads.js';
import { infoCommand } from './commands/info.js';
import { installCommand } from './commands/install.js';
import { listCommand } from './commands/list.js';
import { pluginsCommand } from './commands/plugins.js';
import { psCommand } from './commands/ps.js';
import { pullCommand } from './commands/pull.js';
import { removeCommand } from './commands/remove.js';
import { searchCommand } from './commands/search.js';
import { statsCommand } from './commands/stats.js';
import { suggestCommand } from './commands/suggest.js';
import { validateCommand } from './commands/validate.js';
import { addContributedCommands, type ContributedCommand } from './contributed-commands.js';
import { Printer } from './printer.js';
import { createSession, type Session } from './session.js';

const commandGroups = {
  'Models:': [
    listCommand,
    psCommand,
    infoCommand,
    suggestCommand,
    validateCommand,
    statsCommand,
    installCommand,
    removeCommand,
  ],
  'Downloads:': [searchCommand, pullCommand, downloadsCommand],
  'Engines:': [backendsCommand],
  'Installation:': [pluginsCommand, configCommand],
};
/** Options of a Lamina in this process; a server has its own. */
const localOptions = ['manifest', 'modelsDir', 'dataDir', 'config', 'plugin'];
const documentationWidth = 100;

/** The command `lamina`, with the commands of plugins. It throws commander's errors and prints only help. */
export function createProgram(
  session: Session,
  { stdout, stderr }: Pick<CliIo, 'stdout' | 'stderr'>,
  contributed: readonly ContributedCommand[] = [],
): Command {
  const program = addFlags(new Command('lamina'), ['modelsDir', 'manifest', 'dataDir'])
    .description('Download, list, check, and remove models on this machine or on a lamina-server.')
    .usage('<command> [options]')
    .option('--server <url>', 'Send the command to a running lamina-server', parseServerUrl)
    .option('--api-key-file <file>', 'File with the API key for --server (default: LAMINA_API_KEY)')
    .option('--json', 'Print one JSON document per line, errors included')
    .option('--verbose', 'Log to standard error: text on a terminal, JSON lines elsewhere')
    .helpOption('-h, --help', 'Show help')
    .helpCommand('help [command]', 'Show help for a command')
    .configureHelp({ subcommandTerm: termOf, subcommandDescription: descriptionOf, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      outputError: () => undefined,
    })
    .exitOverride()
    .hook('preAction', (_, command) => checkCombination(command));
  for (const [heading, commands] of Object.entries(commandGroups)) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, session);
  }
  addContributedCommands(program, session, contributed);
  program.addHelpText('after', '\nRun "lamina <command> --help" for the options of a command and an example.');
  return program;
}

/** What `lamina --help` prints, at a fixed width, for the documentation. */
export function helpText(): string {
  let help = '';
  const io = { env: {}, stdout: process.stdout, stderr: process.stderr, signal: new AbortController().signal };
  createProgram(createSession(io, new Printer(io.stdout, io.stderr, false)), io)
    .configureOutput({ writeOut: (text) => void (help += text), getOutHelpWidth: () => documentationWidth })
    .outputHelp();
  return help;
}

/** A command with its arguments: `pull <model|reference>`. */
function termOf(command: Command): string {
  return [command.name(), ...command.registeredArguments.map((argument) => placeholderOf(argument))].join(' ');
}

/** What a command does, and its own options. */
function descriptionOf(command: Command): string {
  const flags = command.options.map(({ long }) => long);
  return flags.length === 0 ? command.description() : `${command.description()} (${flags.join(', ')})`;
}

function placeholderOf(argument: { readonly required: boolean; readonly variadic: boolean; name(): string }): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function checkCombination(command: Command): void {
  const options: Record<string, unknown> = command.optsWithGlobals();
  const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const local = localOptions.filter((name) => options[name] !== undefined).map(flagOf);
  if (options['server'] !== undefined && local.length > 0)
    command.error(`${local.join(' and ')} cannot be combined with --server. Set it when you start the server.`);
  if (options['server'] === undefined && options['apiKeyFile'] !== undefined)
    command.error('--api-key-file requires --server <url>.');
}

function parseServerUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:11500.');
}
