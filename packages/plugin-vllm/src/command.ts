// Turns a model and its options into the command line of `vllm serve`.
import { LaminaError, type Command, type Launch, type Model } from '@lamina/core/plugin';
import { largestRank } from './adapters.js';
import { engine } from './engine.js';
import type { ModelOptions } from './options.js';

/** Options that are one flag with one value. */
const valued: readonly (readonly [option: keyof ModelOptions, flag: string])[] = [
  ['max_model_len', '--max-model-len'],
  ['gpu_memory_utilization', '--gpu-memory-utilization'],
  ['kv_cache_memory_bytes', '--kv-cache-memory-bytes'],
  ['kv_cache_dtype', '--kv-cache-dtype'],
  ['dtype', '--dtype'],
  ['quantization', '--quantization'],
  ['load_format', '--load-format'],
  ['tokenizer', '--tokenizer'],
  ['tensor_parallel_size', '--tensor-parallel-size'],
  ['pipeline_parallel_size', '--pipeline-parallel-size'],
  ['data_parallel_size', '--data-parallel-size'],
  ['max_num_seqs', '--max-num-seqs'],
  ['max_num_batched_tokens', '--max-num-batched-tokens'],
  ['runner', '--runner'],
  ['convert', '--convert'],
  ['chat_template', '--chat-template'],
  ['tool_call_parser', '--tool-call-parser'],
  ['reasoning_parser', '--reasoning-parser'],
  ['speculative_config', '--speculative-config'],
  ['generation_config', '--generation-config'],
  ['seed', '--seed'],
  ['shutdown_timeout', '--shutdown-timeout'],
];

/**
 * The command line of a start. Without `--host` vLLM would listen on every interface, without a model it would download
 * one. The key is passed by environment: every user of the machine can read the arguments of a process.
 * @throws LaminaError `MODEL_FILES_MISSING` without weights
 */
export async function commandFor({
  model,
  adapters,
  options,
  port,
  key,
  engine: found,
}: Launch<ModelOptions>): Promise<Command> {
  const args = [
    ...engine.start(found),
    'serve',
    weightsOf(model),
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--served-model-name',
    model.name,
  ];
  for (const [option, flag] of valued) {
    const value = options[option];
    if (value !== undefined) args.push(flag, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  args.push(...switches(options), ...(await loraArguments(adapters, options)), ...(options.extra_args ?? []));
  return { args, env: environment(options, key) };
}

function switches(options: ModelOptions): string[] {
  const { enable_prefix_caching: prefixes, enforce_eager, trust_remote_code, tool_call_parser, sleep_level } = options;
  return [
    ...(prefixes === undefined ? [] : [prefixes ? '--enable-prefix-caching' : '--no-enable-prefix-caching']),
    ...(enforce_eager === true ? ['--enforce-eager'] : []),
    ...(trust_remote_code === true ? ['--trust-remote-code'] : []),
    // Without it a request that lets the model choose its tools is refused.
    ...(tool_call_parser === undefined ? [] : ['--enable-auto-tool-choice']),
    ...(sleep_level === undefined ? [] : ['--enable-sleep-mode']),
  ];
}

/** Each adapter has its own id. As JSON, because in the form `name=path` neither can contain a `=`. */
async function loraArguments(
  adapters: readonly Model[],
  { max_loras, max_lora_rank }: ModelOptions,
): Promise<string[]> {
  if (adapters.length === 0) return [];
  const rank = max_lora_rank ?? (await largestRank(adapters));
  const modules = adapters.map((adapter) =>
    JSON.stringify({ name: adapter.name, path: adapter.files.find(({ role }) => role === 'adapter')?.path }),
  );
  return [
    '--enable-lora',
    '--max-loras',
    String(max_loras ?? adapters.length),
    '--max-lora-rank',
    String(rank),
    '--lora-modules',
    ...modules,
  ];
}

function weightsOf(model: Model): string {
  const path = model.files.find(({ role }) => role === 'weights')?.path;
  if (path === undefined)
    throw new LaminaError('MODEL_FILES_MISSING', {
      model: model.name,
      missing: ['it has no weights'],
      hint: 'Correct its path in the manifest.',
    });
  return path;
}

/** No telemetry, no network, only local files (vllm/envs.py). */
function environment({ devices, cpu_kvcache_space, sleep_level }: ModelOptions, key: string): Record<string, string> {
  return {
    VLLM_API_KEY: key,
    VLLM_NO_USAGE_STATS: '1',
    DO_NOT_TRACK: '1',
    HF_HUB_OFFLINE: '1',
    TRANSFORMERS_OFFLINE: '1',
    PYTHONUNBUFFERED: '1',
    ...visibleDevices(devices),
    ...(cpu_kvcache_space === undefined ? {} : { VLLM_CPU_KVCACHE_SPACE: String(cpu_kvcache_space) }),
    // The routes for sleeping exist only in this mode.
    ...(sleep_level === undefined ? {} : { VLLM_SERVER_DEV_MODE: '1' }),
  };
}

/** With indexes in the order of nvidia-smi: by default CUDA counts the fastest GPU first. */
function visibleDevices(devices: ModelOptions['devices']): Record<string, string> {
  if (devices === undefined) return {};
  const isByIndex = devices.every((device) => /^\d+$/.test(device));
  return { CUDA_VISIBLE_DEVICES: devices.join(','), ...(isByIndex ? { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' } : {}) };
}
