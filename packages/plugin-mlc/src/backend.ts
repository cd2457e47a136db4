// MLC-LLM's `mlc_llm serve`, described for core's processBackend.
import { processBackend, type Acceptance, type BackendType, type Model } from '@lamina/core/plugin';
import { commandFor } from './command.js';
import { engine } from './engine.js';
import { readError } from './errors.js';
import { explain } from './explain.js';
import { inspect } from './inspect.js';
import { estimateMemory } from './memory.js';
import { modelOptions } from './options.js';
import { progressOf } from './progress.js';
import { adaptRequest } from './requests.js';

const install =
  'Install MLC-LLM into a virtual environment, from the wheels that mlc.ai names for this machine (mlc-llm and mlc-ai), and start Lamina in it or name its script.';

/** The backend type `mlc`; `defaults` are the options the plugin was given. */
export function mlcBackend(defaults: Readonly<Record<string, unknown>> = {}): BackendType {
  const { executable, candidates, version, probe } = engine;
  return processBackend({
    type: 'mlc',
    aliases: ['mlc-serve', 'mlc-llm', 'mlc_llm'],
    formats: ['mlc'],
    modelOptions,
    defaults,
    executable,
    candidates,
    version,
    probe,
    install,
    accepts,
    estimateMemory,
    command: commandFor,
    // Compiling and downloading are controlled by options; the tokens are only for the network.
    scrubEnv: ['MLC_JIT_POLICY', 'MLC_DOWNLOAD_CACHE_POLICY', 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN'],
    // It has no other route for this, and does not listen before the model is loaded.
    ready: '/v1/models',
    identity: '/v1/models',
    explain,
    progress: progressOf,
    inspect,
    adapt: { request: adaptRequest, error: readError },
  });
}

function accepts({ metadata, base }: Model): Acceptance {
  if (base !== undefined)
    return { refused: 'MLC-LLM does not support adapters; merge it into its base before the weights are converted' };
  const quantized = metadata?.quantization === undefined ? '' : `, quantised with ${metadata.quantization}`;
  return { rank: 10, reason: `MLC is the format of MLC-LLM${quantized}` };
}
