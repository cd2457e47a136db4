// The embedded engine: a Node process that runs server/main, with node-llama-cpp installed before its first start.
import {
  acceptGguf,
  estimateGgufMemory,
  LaminaError,
  processBackend,
  type Availability,
  type Backend,
  type BackendType,
  type EngineMemory,
  type Model,
} from '@lamina/core/plugin';
import { refuseAdapter } from './adapters.js';
import { commandFor } from './command.js';
import { explain } from './explain.js';
import { inspect } from './inspect.js';
import { install } from './install/installer.js';
import { instanceOptions, modelOptions, type EmbeddedOptions, type ModelOptions } from './options.js';
import { placeFor, versionAt, type Place } from './place.js';
import type { Build } from './platform.js';
import { progressOf } from './progress.js';

/** Node with node-llama-cpp, and its tokenizer: measured with 3.22.1 on Linux. */
const engineMemory: EngineMemory = { processBytes: 45 * 1024 * 1024, tokenBytes: 650, mergeBytes: 650 };
/** The spellings of llama.cpp in manifests. */
const llamaCpp = ['llama.cpp', 'llamacpp', 'llama-cpp'];

/** The backend type `embedded`; `defaults` are the options the plugin was given. */
export function embeddedBackend(dataDir: string, defaults: Readonly<Record<string, unknown>> = {}): BackendType {
  const type = describe(dataDir, defaults);
  return {
    ...type,
    create(name, options) {
      const backend = type.create(name, options);
      const place = () => placeFor(options as EmbeddedOptions, dataDir);
      return {
        ...backend,
        probe: async (context) => withEngine(name, await backend.probe(context), place),
        install: async (context) => install({ ...(await place()), backend: name }, context),
      } satisfies Backend;
    },
  };
}

function describe(dataDir: string, defaults: Readonly<Record<string, unknown>>): BackendType {
  const placeOf = (instance: unknown) => placeFor(instance as EmbeddedOptions, dataDir);
  return processBackend({
    type: 'embedded',
    aliases: ['node-llama-cpp'],
    formats: ['gguf'],
    options: instanceOptions,
    modelOptions,
    defaults,
    executable: process.execPath,
    install: 'Use a Node of version 20.19 or newer on Linux or macOS.',
    version: false,
    fallbackFor: (instance) => ((instance as EmbeddedOptions).fallback === false ? [] : llamaCpp),
    accepts,
    estimateMemory: async (model, options, machine, { instance }) => {
      const { gpu } = (await placeOf(instance)).build;
      const isOnHost = gpu === false || gpu === 'metal'; // The memory of other devices is unknown before the engine runs.
      return isOnHost
        ? estimateGgufMemory(model, memoryOptions(options), {
            ...machine,
            devices: [],
            engine: engineMemory,
            promptCache: false,
          })
        : undefined;
    },
    command: async (launch) => commandFor(launch, await placeOf(launch.instance)),
    // NODE_LLAMA_CPP_* would let it download and compile.
    scrubEnv: ['LAMINA_*', 'NODE_LLAMA_CPP_*', 'HF_TOKEN'],
    ready: '/health',
    identity: '/v1/models',
    explain,
    progress: progressOf,
    inspect,
    adapt: { request: refuseAdapter },
  });
}

/** It ranks behind llama.cpp, which does more. */
function accepts(model: Model): ReturnType<typeof acceptGguf> {
  if (model.metadata?.pooling === 'rank')
    return { refused: 'it ranks texts, which the embedded engine does not support' };
  return acceptGguf(model, { rank: 1, reason: 'the embedded engine opens GGUF without an installation' });
}

/** One context for each parallel request; `batch_size` is what llama.cpp calls `ubatch_size`. */
function memoryOptions({ batch_size, ...options }: ModelOptions): Parameters<typeof estimateGgufMemory>[1] {
  return { ...options, ...(batch_size === undefined ? {} : { ubatch_size: batch_size }) };
}

/** Adds whether there is a build for this machine, and its version; Node itself is always available. */
async function withEngine(name: string, node: Availability, place: () => Promise<Place>): Promise<Availability> {
  if (!node.available) return node;
  try {
    const found = await place();
    const { version, installed } = await versionAt(found);
    return { ...node, version, ...(installed ? {} : { note: noteOf(name, found.build) }) };
  } catch (error) {
    if (LaminaError.is(error))
      return { available: false, reason: error.message, hint: 'Install llama.cpp instead, or choose another "gpu".' };
    throw error;
  }
}

function noteOf(name: string, { megabytes }: Build): string {
  const size = megabytes === undefined ? 'a download' : `${megabytes} MB`;
  return `It is not installed yet (${size} at first use). Install it now with: lamina backends install ${name}`;
}
