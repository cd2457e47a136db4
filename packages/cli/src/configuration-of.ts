// The configuration of a command. Several of its parts need it, so it is read once for the same options.
import { readConfiguration, type Configuration } from '@lamina/config';
import type { CliIo } from './cli-io.js';
import { commandAt } from './command-location.js';
import type { GlobalOptions } from './global-options.js';

const read = new WeakMap<GlobalOptions, Promise<Configuration>>();

/** The configuration with these options. @throws LaminaError `CONFIG_INVALID` */
export function configurationOf(
  options: GlobalOptions,
  { env, path }: Pick<CliIo, 'env' | 'path'>,
): Promise<Configuration> {
  const known = read.get(options) ?? readConfiguration({ command: commandAt(path), flags: options, env });
  read.set(options, known);
  return known;
}
