// Commands of plugins: their names and help come from package.json files, and running one loads the plugins.
import { findPlugin, findPlugins, projectOf } from '@lamina/config';
import type { Contribution } from '@lamina/core';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import { Command } from 'commander';
import type { CliIo } from './cli-io.js';
import type { CommandExtension, CommandInvocation } from './command-extension.js';
import { commandAt } from './command-location.js';
import type { OpenedLamina } from './local-lamina.js';
import type { CommandResult } from './printer.js';
import type { GlobalOptions } from './global-options.js';
import type { Session } from './session.js';

/** A command that the package.json of a plugin names. */
export interface ContributedCommand {
  readonly name: string;
  readonly help: string;
  /** The package of the plugin. */
  readonly package: string;
}

/** The commands of the plugins that are found, and of those that the arguments add. Loads no code of them. */
export function contributedCommands(args: readonly string[], { path, env }: CliIo): readonly ContributedCommand[] {
  const project = projectOf(commandAt(path));
  const named = addedPlugins(args, env['LAMINA_PLUGIN']).flatMap((name) => findPlugin(project, name)?.plugin ?? []);
  const packages = new Map([...findPlugins(project), ...named].map((plugin) => [plugin.directory, plugin]));
  return [...packages.values()].flatMap((plugin) =>
    Object.entries(plugin.commands).map(([name, help]) => ({ name, help, package: plugin.package })),
  );
}

/** The packages after `--plugin`, before the arguments are parsed. */
function addedPlugins(args: readonly string[], variable: string | undefined): readonly string[] {
  const flags = args.flatMap((arg, index) => {
    if (arg === '--plugin') return args[index + 1] ?? [];
    return arg.startsWith('--plugin=') ? arg.slice('--plugin='.length) : [];
  });
  return flags.length > 0 ? flags : (variable ?? '').split(',').map((name) => name.trim());
}

/** Adds them to the program, apart from those whose name a command of `lamina` has; the help says so. */
export function addContributedCommands(
  program: Command,
  session: Session,
  contributed: readonly ContributedCommand[],
): void {
  const own = new Set(['help', ...program.commands.flatMap((command) => [command.name(), ...command.aliases()])]);
  program.commandsGroup('Plugins:');
  for (const name of new Set(contributed.map((command) => command.name))) {
    const commands = contributed.filter((command) => command.name === name);
    const packages = commands.map((command) => command.package);
    if (own.has(name)) {
      const note = `The command "${name}" of ${packages.join(' and ')} is left out: lamina has one of that name.`;
      program.addHelpText('after', `\n${note}`);
      continue;
    }
    program
      .command(name)
      .description(commands.length === 1 ? commands[0]!.help : `Several plugins have it: ${packages.join(', ')}`)
      // What it takes is known once the plugin is loaded.
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .action((_: unknown, stub: Command) => runContributed(name, packages, stub, session));
  }
}

async function runContributed(
  name: string,
  packages: readonly string[],
  stub: Command,
  session: Session,
): Promise<void> {
  const options = stub.optsWithGlobals<GlobalOptions>();
  refuseServer(stub, options);
  let opened = await session.open(options, 'attached');
  try {
    const { value } = contributionOf(name, packages, opened);
    const command = commandOf(value, stub).action(async () => {
      if (value.mode === 'owner') {
        await opened.lamina.close();
        opened = await session.open(options, 'owner');
      }
      session.print(await runExtension(contributionOf(name, packages, opened), opened, command, session.io));
    });
    await command.parseAsync(stub.args, { from: 'user' });
  } finally {
    await opened.lamina.close({ signal: session.io.signal });
  }
}

/** What the loaded plugins contribute under a name. @throws LaminaError when that is nothing, or several commands */
function contributionOf(name: string, packages: readonly string[], { lamina, plugins }: OpenedLamina) {
  const found = lamina.extensions('command').filter(({ value }) => (value as { name?: unknown } | null)?.name === name);
  const [contribution] = found;
  if (found.length > 1) {
    const names = found.map(({ plugin }) => `"${plugin}"`).join(' and ');
    const message = `The plugins ${names} both have a command "${name}". Remove one, or list the other in "plugins" of the configuration.`;
    throw new LaminaError('CONFIG_INVALID', { message });
  }
  if (contribution === undefined) throw missingError(name, packages, plugins);
  if (typeof contribution.value.run === 'function') return contribution;
  const reason = `its command "${name}" has no function "run"`;
  throw new LaminaError('PLUGIN_INVALID', { plugin: contribution.plugin, reason });
}

function missingError(name: string, packages: readonly string[], plugins: OpenedLamina['plugins']): LaminaError {
  const record = plugins.find((plugin) => packages.includes(plugin.package ?? ''));
  const plugin = record?.package ?? packages[0]!;
  if (record === undefined)
    return new LaminaError('CONFIG_INVALID', {
      message: `The command "${name}" is part of ${plugin}, which "plugins" of the configuration does not list.`,
    });
  if (record.problem !== undefined)
    return new LaminaError('CONFIG_INVALID', {
      message: `The command "${name}" is part of ${plugin}, which is not loaded: ${record.problem}.`,
    });
  const reason = `its package.json names the command "${name}", but it contributes none of that name`;
  return new LaminaError('PLUGIN_INVALID', { plugin: record.plugin?.name ?? plugin, reason });
}

/** The command that reads the arguments and options of an extension. */
function commandOf(extension: CommandExtension, stub: Command): Command {
  const command = new Command(`lamina ${extension.name}`).copyInheritedSettings(stub).description(stub.description());
  command.helpOption('-h, --help', 'Show help');
  for (const { name, description } of extension.arguments ?? []) command.argument(name, description);
  for (const { flags, description } of extension.options ?? []) command.option(flags, description);
  return command;
}

async function runExtension(
  { plugin, value }: Contribution<CommandExtension>,
  { lamina }: OpenedLamina,
  command: Command,
  io: CliIo,
): Promise<CommandResult | void> {
  try {
    const given = command.processedArgs as CommandInvocation['arguments'];
    return await value.run({ lamina, arguments: given, options: command.opts(), io, signal: io.signal });
  } catch (error) {
    if (LaminaError.is(error) || io.signal.aborted) throw error;
    const hook = `the command "${value.name}"`;
    throw new LaminaError('PLUGIN_FAILED', { plugin, hook, reason: reasonOf(error) }, { cause: error });
  }
}

/** Ends a command that works on this machine only, when it is to be sent to a server. */
export function refuseServer(command: Command, { server }: GlobalOptions): void {
  if (server !== undefined)
    command.error(`"lamina ${command.name()}" works on this machine only, so it cannot be combined with --server.`);
}
