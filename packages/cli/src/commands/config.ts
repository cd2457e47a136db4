// lamina config: shows each setting, its value, and where it came from.
import type { Command } from 'commander';
import { readConfiguration, type Configuration, type ConfiguredValue } from '@lamina/config';
import { commandAt } from '../command-location.js';
import { refuseServer } from '../contributed-commands.js';
import type { CommandResult } from '../printer.js';
import type { GlobalOptions, Session } from '../session.js';
import { table } from '../table.js';
import { addExample } from './example.js';

const hidden = '***';
const secretName = /(key|token|secret|password)s?$/i;
const maxWidth = 80;

/** Adds the command. */
export function configCommand(program: Command, session: Session): void {
  const command = program
    .command('config')
    .description('Show each setting of lamina and lamina-server, and where its value came from')
    .action(async (_: unknown, command: Command) => {
      const flags = command.optsWithGlobals<GlobalOptions>();
      refuseServer(command, flags);
      const { path, env } = session.io;
      session.print(resultOf(await readConfiguration({ command: commandAt(path), flags, env })));
    });
  addExample(command, 'lamina config --json');
}

function resultOf({ file, folder, values, addedPlugins }: Configuration): CommandResult {
  const rows = [
    ...values.map(({ setting, value, origin, name }) => ({
      key: setting.key,
      value: shownValue(setting, value),
      text: value === undefined ? setting.defaultText : undefined,
      origin,
      name,
    })),
    ...['plugins', 'options'].flatMap((key) => {
      const value = file?.content[key];
      return value === undefined
        ? []
        : [{ key, value: masked(value), text: undefined, origin: 'file' as const, name: undefined }];
    }),
  ];
  const text = [
    file === undefined
      ? `There is no configuration file (lamina.config.*) in ${folder}.`
      : `Configuration file: ${file.path}`,
    ...(addedPlugins.length === 0 ? [] : [`Plugins added: ${addedPlugins.join(', ')}`]),
    '',
    table(
      ['SETTING', 'VALUE', 'FROM'],
      rows.map(({ key, value, text, origin, name }) => [key, text ?? textOf(value), name ?? origin]),
    ),
  ].join('\n');
  const settings = rows.map(({ key, value, origin, name }) => [
    key,
    { value, origin, ...(name === undefined ? {} : { name }) },
  ]);
  return {
    json: {
      file: file?.path,
      folder,
      added_plugins: addedPlugins,
      settings: Object.fromEntries(settings) as object,
    },
    text,
  };
}

function shownValue({ isSecret }: ConfiguredValue['setting'], value: unknown): unknown {
  return isSecret === true && value !== undefined ? hidden : masked(value);
}

/** A value without what may be a secret, and without what is not data. */
function masked(value: unknown): unknown {
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [
    name,
    secretName.test(name) ? hidden : masked(member),
  ]);
  return Object.fromEntries(members);
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '-');
  return text.length > maxWidth ? `${text.slice(0, maxWidth - 1)}…` : text;
}
