// Defines the command line: commands, options, and their help.
import { createRequire } from 'node:module';
import { PassThrough } from 'node:stream';
import { addFlags } from '@lamina/config';
import { Command, InvalidArgumentError } from 'commander';
import { backendsCommand } from './commands/backends.js';
import { chatCommand } from './commands/chat.js';
import { completionCommand } from './commands/completion.js';
import { configCommand } from './commands/config.js';
import { doctorCommand } from './commands/doctor.js';
import { downloadsCommand } from './commands/downloads.js';
import { eventsCommand } from './commands/events.js';
import { importCommand } from './commands/import.js';
import { infoCommand } from './commands/info.js';
import { initCommand } from './commands/init.js';
import { installCommand } from './commands/install.js';
import { listCommand } from './commands/list.js';
import { logsCommand } from './commands/logs.js';
import { pluginsCommand } from './commands/plugins.js';
import { psCommand } from './commands/ps.js';
import { pullCommand } from './commands/pull.js';
import { removeCommand } from './commands/remove.js';
import { runModelCommand } from './commands/run.js';
import { searchCommand } from './commands/search.js';
import { serveCommand } from './commands/serve.js';
import { startCommand, stopCommand } from './commands/start.js';
import { statsCommand } from './commands/stats.js';
import { suggestCommand } from './commands/suggest.js';
import { validateCommand } from './commands/validate.js';
import { addContributedCommands, type ContributedCommand } from './contributed-commands.js';
import { Printer } from './printer.js';
import { createSession, type Session } from './session.js';

const commandGroups = {
  'Talk:': [runModelCommand, chatCommand],
  'Serve:': [serveCommand, psCommand, startCommand, stopCommand, logsCommand, eventsCommand],
  'Models:': [
    searchCommand,
    pullCommand,
    listCommand,
    infoCommand,
    suggestCommand,
    removeCommand,
    installCommand,
    importCommand,
    validateCommand,
    downloadsCommand,
    statsCommand,
  ],
  'Set up:': [initCommand, doctorCommand, backendsCommand, pluginsCommand, configCommand, completionCommand],
};
/** Options of a Lamina in this process; a server has its own. */
const localOptions = ['manifest', 'modelsDir', 'dataDir', 'config', 'plugin'];
const documentationWidth = 100;

/** The command `lamina`, with the commands of plugins. It throws commander's errors and prints only help. */
export function createProgram(session: Session, contributed: readonly ContributedCommand[] = []): Command {
  const { io, printer } = session;
  const { bold, cyan } = printer.style;
  const hasColors = (): boolean => bold('x') !== 'x';
  const program = addFlags(new Command('lamina'), ['modelsDir', 'manifest', 'dataDir'])
    .description('Serve language models on your own machine.')
    .usage('<command> [options]')
    .option('--server <url>', 'Server to use (default: the one that runs for the models directory)', parseServerUrl)
    .option('--api-key-file <file>', 'File with the API key for the server (default: LAMINA_API_KEY)')
    .option('--json', 'Print one JSON document per line, errors included')
    .option('--verbose', 'Log to standard error: text on a terminal, JSON lines elsewhere')
    .version(versionText(), '-V, --version', 'Show the version')
    .helpOption('-h, --help', 'Show help')
    .helpCommand('help [command]', 'Show help for a command')
    .configureHelp({
      subcommandTerm: termOf,
      styleTitle: bold,
      styleSubcommandText: cyan,
      styleOptionText: cyan,
    })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => undefined,
      getOutHasColors: hasColors,
      getErrHasColors: hasColors,
      getOutHelpWidth: () => io.stdout.columns ?? documentationWidth,
    })
    .exitOverride()
    .hook('preAction', (_, command) => checkCombination(command));
  for (const [heading, commands] of Object.entries(commandGroups)) {
    program.commandsGroup(heading);
    for (const add of commands) add(program, session);
  }
  addContributedCommands(program, session, contributed);
  program.addHelpText(
    'after',
    `
${bold('Examples:')}
  lamina pull bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M --name llama3.2-3b
  lamina chat llama3.2-3b

Run "lamina <command> --help" for the options of a command and an example.`,
  );
  return program;
}

/** The help of `lamina` and of each of its commands, for the documentation: name of the command → text. */
export function helpTexts(): ReadonlyMap<string, string> {
  const io = {
    env: { NO_COLOR: '1' },
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    signal: new AbortController().signal,
  };
  const program = createProgram(createSession(io, new Printer(io, false)));
  const texts = new Map<string, string>();
  const add = (command: Command, name: string): void => {
    let text = '';
    command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp();
    texts.set(name, text);
    for (const child of command.createHelp().visibleCommands(command))
      if (child.name() !== 'help') add(child, `${name} ${child.name()}`);
  };
  add(program, program.name());
  return texts;
}

/** The version of this package, of Node and of the system, as problem reports need them. */
function versionText(): string {
  const { version } = createRequire(import.meta.url)('@lamina/cli/package.json') as { version: string };
  return `lamina ${version} (Node.js ${process.versions.node}, ${process.platform} ${process.arch})`;
}

/** A command with its arguments: `pull <model|reference>`. */
function termOf(command: Command): string {
  return [command.name(), ...command.registeredArguments.map((argument) => placeholderOf(argument))].join(' ');
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
}

function parseServerUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new InvalidArgumentError('Expected a URL such as http://127.0.0.1:11500.');
}
