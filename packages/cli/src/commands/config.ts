// lamina config: shows each setting, its value, and where it came from.
import type { Command } from 'commander';
import type { Configuration, ConfiguredValue } from '@lamina/config';
import { configurationOf } from '../configuration-of.js';
import { refuseServer } from '../contributed-commands.js';
import type { CommandResult, Printer } from '../printer.js';
import type { GlobalOptions } from '../global-options.js';
import type { Session } from '../session.js';
import { addExample } from './example.js';

const hidden = '***';
const secretName = /(key|token|secret|password)s?$/i;

/** Adds the command. */
export function configCommand(program: Command, session: Session): void {
  const command = program
    .command('config')
    .description('Show each setting, its value, and where it is from')
    .action(async (_: unknown, command: Command) => {
      const flags = command.optsWithGlobals<GlobalOptions>();
      refuseServer(command, flags);
      session.print(resultOf(await configurationOf(flags, session.io), session.printer));
    });
  addExample(command, 'lamina config --json');
}

function resultOf({ file, folder, values, addedPlugins }: Configuration, printer: Printer): CommandResult {
  const rows = [
    ...values.map(({ setting, value, origin, name }) => ({
      key: setting.key,
      value: shownValue(setting, value),
      text: value === undefined ? setting.defaultText : undefined,
      origin,
      name,
    })),
    ...rowOf('plugins', (file?.content['plugins'] as readonly unknown[] | undefined)?.map(shownPlugin)),
    ...rowOf('options', masked(file?.content['options'])),
  ];
  const text = [
    file === undefined
      ? `There is no configuration file (lamina.config.*) in ${folder}.`
      : `Configuration file: ${file.path}`,
    ...(addedPlugins.length === 0 ? [] : [`Plugins added: ${addedPlugins.join(', ')}`]),
    '',
    printer.table(
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

/** A row of a part of the file that is no setting, if the file has it. */
function rowOf(key: string, value: unknown) {
  return value === undefined ? [] : [{ key, value, text: undefined, origin: 'file' as const, name: undefined }];
}

function shownValue({ isSecret }: ConfiguredValue['setting'], value: unknown): unknown {
  return isSecret === true && value !== undefined ? hidden : masked(value);
}

/** A value without what may be a secret, and without what is not data. */
function masked(value: unknown): unknown {
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return 'an object';
  const members = Object.entries(value).map(([name, member]) => [
    name,
    secretName.test(name) && typeof member !== 'number' ? hidden : masked(member),
  ]);
  return Object.fromEntries(members);
}

/** The name of a plugin that the file holds itself, or the entry that names a package. */
function shownPlugin(item: unknown): unknown {
  const { use, name } = (item ?? {}) as { readonly use?: unknown; readonly name?: unknown };
  return use === undefined ? name : masked(item);
}

function textOf(value: unknown): string {
  if (value === undefined) return '-';
  if (Array.isArray(value)) return value.map(textOf).join(', ') || 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
