// The settings of the engine, all on its command line except the key.
import { parseArgs } from 'node:util';
import type { ModelOptions } from '../options.js';

/** What to load, and where to listen. */
export interface ServerSettings {
  /** The directory with node-llama-cpp in its node_modules. */
  readonly directory: string;
  readonly gpu: string | false;
  /** The name of the model for clients. */
  readonly name: string;
  readonly path: string;
  readonly port: number;
  /** Usable cores: the default number of threads. */
  readonly cores: number;
  readonly options: ModelOptions;
}

/** The arguments for these settings. */
export function argumentsFor({ directory, gpu, name, path, port, cores, options }: ServerSettings): string[] {
  return [
    '--directory',
    directory,
    '--gpu',
    String(gpu),
    '--name',
    name,
    '--model',
    path,
    '--port',
    String(port),
    '--cores',
    String(cores),
    '--options',
    JSON.stringify(options),
  ];
}

/** Parses the arguments of {@link argumentsFor}. */
export function readSettings(args: readonly string[]): ServerSettings {
  const text = { type: 'string', default: '' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: { directory: text, gpu: text, name: text, model: text, port: text, cores: text, options: text },
  });
  const { directory, gpu, name, model, port, cores, options } = values;
  return {
    directory,
    gpu: gpu === 'false' ? false : gpu,
    name,
    path: model,
    port: Number(port),
    cores: Number(cores),
    options: JSON.parse(options) as ModelOptions,
  };
}
