// llama.cpp's llama-server, described for core's processBackend.
import {
  acceptGguf,
  estimateGgufMemory,
  LaminaError,
  processBackend,
  type BackendType,
  type EngineMemory,
  type FoundEngine,
  type GgufPlace,
  type Machine,
  type RunResult,
} from '@lamina/core/plugin';
import { parseBreakdown } from './breakdown.js';
import { commandFor } from './command.js';
import { parseDevices } from './devices.js';
import { readError } from './errors.js';
import { explain } from './explain.js';
import { parseHelp, type Flags } from './flags.js';
import { commonEndpoints, inspect } from './inspect.js';
import { installHint } from './install.js';
import { modelOptions } from './options.js';
import { progressOf } from './progress.js';
import { effectiveOptions } from './raw-arguments.js';
import { adaptRequest } from './requests.js';
import { usageOf } from './usage.js';
import { parseVersion } from './version.js';

/** The process without a model, and its tokenizer: measured with 0.7.0. */
const engineMemory: EngineMemory = { processBytes: 6 * 1024 * 1024, tokenBytes: 160, mergeBytes: 190 };
/** The slots of llama-server when `parallel` is not set. */
const sharedSlots = 4;

/** The backend type `llama.cpp`; `defaults` are the options of the plugin. */
export function llamaCppBackend(defaults: Readonly<Record<string, unknown>> = {}): BackendType {
  return processBackend({
    type: 'llama.cpp',
    aliases: ['llamacpp', 'llama-cpp'],
    formats: ['gguf'],
    endpoints: commonEndpoints,
    modelOptions,
    defaults,
    executable: 'llama-server',
    install: installHint(process.platform),
    version: { args: ['--version'], parse: parseVersion },
    probe,
    accepts: (model) => acceptGguf(model, { rank: 10, reason: 'GGUF is the format of llama.cpp' }),
    estimateMemory: (model, options, machine, about) =>
      Promise.resolve(
        estimateGgufMemory(model, effectiveOptions(options, about.instance.default_args), placeOf(machine, about)),
      ),
    dryRun: {
      args: ['-lv', '4'],
      read: (lines, { model, options, machine, ...about }) => {
        const printed = parseBreakdown(lines);
        if (printed === undefined) return undefined;
        return estimateGgufMemory(model, effectiveOptions(options, about.instance.default_args), {
          ...placeOf(machine, about),
          printed,
        });
      },
    },
    command: commandFor,
    // Each flag can come from a variable (LLAMA_ARG_*), and LLAMA_SERVER_ROUTER_PORT makes it a child of its own
    // router.
    scrubEnv: ['LLAMA_*', 'HF_TOKEN', 'MTMD_BACKEND_DEVICE'],
    ready: '/health',
    identity: '/v1/models',
    explain,
    progress: progressOf,
    inspect,
    adapt: { request: adaptRequest, error: readError, usage: usageOf },
  });
}

/** Builds that do not list the flag have no prompt cache. */
function placeOf(machine: Machine, { engine }: { readonly engine?: FoundEngine }): GgufPlace {
  const flags = engine?.facts as Flags | undefined;
  return { ...machine, engine: engineMemory, sharedSlots, promptCache: flags?.has('--cache-ram') !== false };
}

/** Flags and devices of a build. @throws LaminaError `NOT_SUPPORTED` for another program */
async function probe(
  { executable, version }: FoundEngine,
  { run }: { run(args: readonly string[]): Promise<RunResult> },
): Promise<Pick<FoundEngine, 'devices' | 'facts'>> {
  const [help, devices] = await Promise.all([run(['--help']), run(['--list-devices'])]);
  const flags = parseHelp(help.stdout);
  if (flags.has('--model')) return { facts: flags, devices: parseDevices(devices.stdout) };
  if (version === undefined)
    throw new LaminaError('NOT_SUPPORTED', {
      message: `${executable} does not respond like llama-server; it may be another program`,
    });
  return {};
}
