// Turns the description of an engine that runs as a child process into a backend type.
import type { Availability, Backend, BackendContext, BackendType } from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import type { Schema } from '../contract/schema.js';
import {
  processOptions,
  type InstanceOptions,
  type ProcessBackendDescription,
  type ProcessDescription,
} from './description.js';
import { shapeProblem } from '../kernel/shape.js';
import { dryRun } from './dry-run.js';
import { EngineFinder } from './engine-finder.js';
import { startServer } from './start-server.js';

/**
 * Makes a backend type from a description. It finds the engine, starts it on a free port with a key of its own, proves
 * that it is the program on that port, reads its output, and ends it with its child processes. Its servers are `owned`.
 * @throws Error that names a required member that is missing
 * @example
 * ```ts
 * import { processBackend } from '@lamina/core/plugin';
 *
 * const type = processBackend({
 *   type: 'my-engine',
 *   formats: ['gguf'],
 *   executable: 'my-engine',
 *   command: ({ model, port }) => ({ args: [model.files[0]!.path, '--port', String(port)] }),
 * });
 * ```
 */
export function processBackend<const O extends Schema, const M extends Schema>(
  description: ProcessBackendDescription<O, M>,
): BackendType {
  const problem = shapeProblem(description, { type: 'text', formats: 'list', executable: 'text', command: 'function' });
  if (problem !== undefined) throw new Error(`the description for processBackend is not complete: ${problem}`);
  const { type, aliases, formats, endpoints, defaults } = description;
  return {
    type,
    ...(aliases === undefined ? {} : { aliases }),
    formats,
    ...(endpoints === undefined ? {} : { endpoints }),
    options: instanceSchema(description),
    modelOptions: { type: 'object', ...description.modelOptions, additionalProperties: false },
    ...(defaults === undefined ? {} : { defaults }),
    lifetime: 'owned',
    create: (name, options) => create(description, name, options),
  };
}

/**
 * The options of every process backend, of this one, and of its models. What is required of a model is not required of
 * an instance.
 */
function instanceSchema({ options, modelOptions }: Pick<ProcessDescription, 'options' | 'modelOptions'>): Schema {
  const properties = { ...propertiesOf(modelOptions), ...propertiesOf(options), ...processOptions };
  return { type: 'object', ...options, properties, additionalProperties: false };
}

function propertiesOf(schema: Schema | undefined): object {
  return (schema?.['properties'] as object | undefined) ?? {};
}

function create(description: ProcessDescription, name: string, options: Readonly<Record<string, unknown>>): Backend {
  const instance = options as InstanceOptions;
  const finder = new EngineFinder(description, name, instance);
  const { estimateMemory, adapt } = description;
  const fallbackFor = description.fallbackFor?.(instance);
  return {
    name,
    ...(fallbackFor === undefined ? {} : { fallbackFor }),
    probe: (context) => probe(finder, context),
    accepts: (model) => description.accepts?.(model) ?? { rank: 0, reason: `it opens ${model.format}` },
    async start(model, context) {
      const engine = await finder.find(context);
      if ('reason' in engine) throw new LaminaError('BACKEND_UNAVAILABLE', { model: model.name, ...engine });
      return startServer({ description, instance, engine, model, context });
    },
    ...(estimateMemory === undefined
      ? {}
      : {
          estimateMemory: (model, own, machine) =>
            estimateMemory.call(description, model, own, machine, { instance, ...finder.latest }),
        }),
    ...(description.dryRun === undefined
      ? {}
      : {
          measureMemory: async (model, own, context) => {
            const engine = await finder.find(context);
            return 'reason' in engine
              ? undefined
              : dryRun({ description, instance, engine, model, options: own, context });
          },
        }),
    ...(adapt === undefined ? {} : { adapt }),
  };
}

async function probe(finder: EngineFinder, context: BackendContext): Promise<Availability> {
  const engine = await finder.find(context);
  if ('reason' in engine) return { available: false, ...engine };
  const { executable, version, devices } = engine;
  return {
    available: true,
    executable,
    ...(version === undefined ? {} : { version }),
    ...(devices === undefined ? {} : { devices }),
  };
}
