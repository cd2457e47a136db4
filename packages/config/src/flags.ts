// The flags of the settings, for the commands that take them.
import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseSetting, settings, type Setting } from './settings.js';

/** Adds `--config`, `--plugin`, and the flags of the settings with these keys; by default of all. */
export function addFlags(command: Command, keys: readonly string[] = settings.map(({ key }) => key)): Command {
  for (const setting of settings)
    if (setting.flag !== undefined && keys.includes(setting.key)) command.addOption(optionOf(setting, setting.flag));
  return command
    .option(
      '--config <file>',
      'Configuration file: JavaScript, JSON or YAML (default: lamina.config.* beside the package.json of the installation)',
    )
    .option('--plugin <package>', 'Load this plugin too; can be repeated', (name, names: readonly string[] = []) => [
      ...names,
      name,
    ]);
}

function optionOf(setting: Setting, flag: string): Option {
  const { description = '', default: value, defaultText } = setting;
  const fallback =
    defaultText ?? (value === undefined || value === false ? undefined : String(value as string | number));
  const hint = fallback === undefined ? '' : ` (default: ${fallback})`;
  const option = new Option(flag, `${description}${hint}`);
  return flag.includes('<') ? option.argParser((text, previous) => parse(setting, text, previous)) : option;
}

/** A flag with a list may be repeated. */
function parse(setting: Setting, text: string, previous: unknown): unknown {
  try {
    const value = parseSetting(setting, text);
    return Array.isArray(value) && Array.isArray(previous)
      ? [...(previous as unknown[]), ...(value as unknown[])]
      : value;
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}
