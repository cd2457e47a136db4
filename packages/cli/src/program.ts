// The command line: what there is to type, and what the help says of it.
import { Command, InvalidArgumentError } from 'commander';
import { backendsCommand } from './commands/backends.js';
import { downloadableCommand } from './commands/downloadable.js';
import { downloadsCommand } from './commands/downloads.js';
import { infoCommand } from './commands/info.js';
import { installCommand } from './commands/install.js';
import { listCommand } from './commands/list.js';
import { pullCommand } from './commands/pull.js';
import { removeCommand } from './commands/remove.js';
import { statsCommand } from './commands/stats.js';
import { suggestCommand } from './commands/suggest.js';
import { validateCommand } from './commands/validate.js';
import type { World } from './world.js';
import type { Session } from './session.js';

const commands = [
  pullCommand,
  listCommand,
  infoCommand,
  removeCommand,
  installCommand,
  validateCommand,
  suggestCommand,
  backendsCommand,
  downloadsCommand,
  downloadableCommand,
  statsCommand,
];
/** Of a Lamina in this process; a server has its own. */
const ofHere = ['manifest', 'modelsDir', 'dataDir', 'config'];
const documentWidth = 100;

/** The command `lamina`; it throws commander's errors and writes only help. */
export function createProgram(session: Session, { stdout, stderr }: Pick<World, 'stdout' | 'stderr'>): Command {
  const program = new Command('lamina')
    .description('Pulls, lists, checks and removes models: those of this machine, or those of a server.')
    .usage('<command> [options]')
    .option('--models-dir <directory>', 'where the models are (default: models)')
    .option('--manifest <file>', 'the models.yaml (default: models.yaml in the models directory)')
    .option('--data-dir <directory>', 'where Lamina keeps its own state (default: .lamina in the models directory)')
    .option(
      '--config <module>',
      'a module that exports defineConfig({ plugins, … }) as its default (default: the plugins of Lamina that are installed)',
    )
    .option('--server <url>', 'ask a lamina-server that runs, instead of doing it here', address)
    .option('--api-key-file <file>', 'the key for that server (default: the environment variable LAMINA_API_KEY)')
    .option('--json', 'answer with one JSON document a line; errors, too')
    .option('--verbose', 'log what happens on standard error: text on a terminal, JSON lines elsewhere')
    .configureHelp({ subcommandTerm: termOf, subcommandDescription: descriptionOf, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: (text) => void stderr.write(text),
      outputError: () => undefined,
    })
    .exitOverride()
    .hook('preAction', (_, command) => refuseMixture(command));
  for (const add of commands) add(program, session);
  return program;
}

/** What `lamina --help` prints, at a fixed width: for documents. */
export function helpText(): string {
  const session: Session = { code: 0, run: () => Promise.resolve() };
  const program = createProgram(session, process);
  return program.configureOutput({ getOutHelpWidth: () => documentWidth }).helpInformation();
}

/** A command with what it takes: `pull|download <model|reference>`. */
function termOf(command: Command): string {
  const names = [command.name(), ...command.aliases()].join('|');
  return [names, ...command.registeredArguments.map((argument) => placeholder(argument))].join(' ');
}

/** What a command does, and the options of its own. */
function descriptionOf(command: Command): string {
  const flags = command.options.map(({ long }) => long);
  return flags.length === 0 ? command.description() : `${command.description()} (${flags.join(', ')})`;
}

function placeholder(argument: { readonly required: boolean; readonly variadic: boolean; name(): string }): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function refuseMixture(command: Command): void {
  const options: Record<string, unknown> = command.optsWithGlobals();
  const flag = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const mixed = ofHere.filter((name) => options[name] !== undefined).map(flag);
  if (options['server'] !== undefined && mixed.length > 0)
    command.error(`${mixed.join(' and ')} cannot be used with --server, which has its own`);
  if (options['server'] === undefined && options['apiKeyFile'] !== undefined)
    command.error('--api-key-file is for a server: name it with --server');
}

function address(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text.replace(/\/+$/, '');
  throw new InvalidArgumentError('It must be an address such as http://127.0.0.1:11500.');
}
