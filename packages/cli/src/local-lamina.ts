// A Lamina in this process, with the configuration and the plugins of this command.
import { loadPlugins, type Configuration, type ConfiguredPlugin } from '@lamina/config';
import { createLamina, LaminaError, type Lamina } from '@lamina/core';
import type { CliIo } from './cli-io.js';
import { configurationOf } from './configuration-of.js';

/** The flags of the command line, by the names commander gives them. */
export type Flags = Readonly<Record<string, unknown>>;

/** What opening a Lamina uses. */
export interface LaminaOpening extends Pick<CliIo, 'env' | 'path' | 'signal'> {
  /** Called with a sentence for each plugin that was found and not loaded. */
  notice(text: string): void;
}

/** A Lamina, and what it was made from. */
export interface OpenedLamina {
  readonly lamina: Lamina;
  readonly configuration: Configuration;
  readonly plugins: readonly ConfiguredPlugin[];
}

/**
 * Creates it. The mode `owner` downloads, which only one Lamina per data directory may do; `attached` works beside a
 * running server.
 * @throws LaminaError what `readConfiguration`, `loadPlugins` and `createLamina` throw; `CONFLICT` mentions --server when
 * another Lamina owns the data directory
 */
export async function openLamina(
  flags: Flags,
  mode: 'owner' | 'attached',
  { env, path, signal, notice }: LaminaOpening,
): Promise<OpenedLamina> {
  const configuration = await configurationOf(flags, { env, path });
  const plugins = await loadPlugins(configuration);
  for (const { package: name, problem } of plugins)
    if (problem !== undefined) notice(`The plugin ${name} was found but is not loaded: ${problem}.`);
  const { lamina: options } = configuration;
  // Only the requested download runs: other unfinished ones wait for a server or their own command.
  const lamina = await createLamina(
    {
      ...options,
      plugins: plugins.flatMap(({ plugin }) => plugin ?? []),
      log: flags['verbose'] === true ? 'info' : 'silent',
      mode,
      downloads: { ...options.downloads, autoResume: false },
    },
    signal,
  ).catch((error: unknown) => {
    throw LaminaError.is(error, 'CONFLICT') && error.details['pid'] !== undefined ? ownedError(error) : error;
  });
  return { lamina, configuration, plugins };
}

function ownedError(error: LaminaError): LaminaError {
  const { data_dir: dataDir, pid, command } = error.details;
  const advice = 'Wait for it to end, or press Ctrl-C there, which pauses its download. Then run this command again.';
  const message = command
    ? `Another lamina command (process ${String(pid)}) uses ${String(dataDir)}. ${advice}`
    : `Another Lamina (process ${String(pid)}) uses ${String(dataDir)}. Send the command to it with --server <url>, or stop it first.`;
  return new LaminaError('CONFLICT', { ...error.details, message }, { cause: error });
}
