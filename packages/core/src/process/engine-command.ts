// The command line of an engine, as a start and a dry run of it use it.
import type { BackendContext } from '../contract/backends.js';
import type { Model } from '../contract/models.js';
import { withTimeout } from '../kernel/abort.js';
import type { FoundEngine, InstanceOptions, ProcessDescription } from './description.js';
import { engineEnvironment } from './environment.js';
import type { Spawn } from './server-process.js';

/** For the plugin's own functions: one that hangs must not block a start, nor its end. */
export const pluginTimeoutMs = 30_000;

/** What a command line is made from. */
export interface EngineCommand {
  readonly description: ProcessDescription;
  /** The options of the backend instance. */
  readonly instance: InstanceOptions;
  readonly engine: FoundEngine;
  readonly model: Model;
  readonly adapters: readonly Model[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly context: Pick<BackendContext, 'env' | 'signal'>;
}

/**
 * What to run; the key is removed from its output.
 * @throws what the description's `command` throws, Error when that takes longer than 30 s, or the signal's reason
 */
export async function engineCommand(
  { description, instance, engine, model, adapters, options, context: { env, signal } }: EngineCommand,
  port: number,
  key: string,
): Promise<Omit<Spawn, 'onLine' | 'guard'>> {
  const command = await withTimeout(signal, pluginTimeoutMs, timeoutError, () =>
    description.command({ model, adapters, options, instance, port, key, engine }),
  );
  return {
    executable: engine.executable,
    args: [...(instance.default_args ?? []), ...command.args],
    env: engineEnvironment(env, description.scrubEnv ?? [], instance.env, command.env),
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    secret: key,
  };
}

/** The error of a function of the plugin that takes too long. */
export function timeoutError(): Error {
  return new Error(`it took longer than ${pluginTimeoutMs / 1000} s`);
}
