// The schema of the options of a model on vLLM; the table in README.md is generated from it.
import type { FromSchema } from '@lamina/core/plugin';

const count = { type: 'integer', minimum: 1 } as const;
const text = { type: 'string', minLength: 1 } as const;

/**
 * Options of a model, and of a backend as the defaults for its models. Each option becomes a flag of `vllm serve`. A
 * `default` here is the default of vLLM.
 */
export const modelOptions = {
  type: 'object',
  properties: {
    max_model_len: {
      anyOf: [count, { enum: ['auto'] }],
      description: 'Maximum tokens of a request, prompt and response together; `auto`: as many as fit in memory.',
      default: 'value in `config.json`',
    },
    gpu_memory_utilization: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Share of the total memory of each GPU that vLLM reserves at startup.',
      default: 'what models may use of the GPU, at most 0.92',
    },
    kv_cache_memory_bytes: {
      ...count,
      description:
        'Size of the KV cache on each device, in bytes. Overrides the size computed from `gpu_memory_utilization`.',
    },
    kv_cache_dtype: { ...text, description: 'Data type of the KV cache: `auto`, `fp8`, …', default: 'auto' },
    cpu_kvcache_space: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'Size of the KV cache on a CPU, in GiB (`VLLM_CPU_KVCACHE_SPACE`).',
      default: 4,
    },
    dtype: {
      enum: ['auto', 'half', 'float16', 'bfloat16', 'float', 'float32'],
      description: 'Data type of weights and activations.',
      default: 'auto',
    },
    quantization: {
      ...text,
      description: 'Quantization method, such as `awq_marlin`. Overrides `config.json`.',
      default: 'from config.json',
    },
    load_format: {
      ...text,
      description: 'Format of the weights: `auto`, `safetensors`, `pt`, `dummy` (random weights, for tests), …',
      default: 'auto',
    },
    tokenizer: {
      ...text,
      format: 'path',
      description: 'Directory of another tokenizer.',
      default: 'that of the model',
    },
    tensor_parallel_size: {
      ...count,
      description: 'Devices that each layer is split over. The number of attention heads must be a multiple of it.',
      default: 1,
    },
    pipeline_parallel_size: {
      ...count,
      description: 'Devices, or groups of devices, that the layers are distributed over.',
      default: 1,
    },
    data_parallel_size: { ...count, description: 'Replicas of the model that share the requests.', default: 1 },
    devices: {
      type: 'array',
      items: text,
      minItems: 1,
      description: 'GPUs to use, as in `CUDA_VISIBLE_DEVICES`.',
      default: 'as many as the model is split over, those with the most memory',
    },
    max_num_seqs: {
      ...count,
      description: 'Requests computed at the same time. vLLM queues further requests.',
      default: 'depends on the device',
    },
    max_num_batched_tokens: {
      ...count,
      description: 'Maximum tokens computed in one step.',
      default: 'depends on the device',
    },
    enable_prefix_caching: {
      type: 'boolean',
      description: 'Cache prompt prefixes for later requests.',
      default: true,
    },
    enforce_eager: {
      type: 'boolean',
      description: 'Disable CUDA graphs and compilation: faster start, slower responses.',
      default: false,
    },
    trust_remote_code: {
      type: 'boolean',
      description: 'Allow Python code from the model directory to run.',
      default: false,
    },
    runner: {
      enum: ['auto', 'generate', 'pooling', 'draft'],
      description: '`pooling`: serve embeddings and scores instead of chats.',
      default: 'auto',
    },
    convert: {
      enum: ['auto', 'none', 'embed', 'classify', 'reward'],
      description: 'Convert a text generation model for another task.',
      default: 'auto',
    },
    chat_template: {
      ...text,
      format: 'path',
      description: 'Path of a file with the chat template.',
      default: 'that of the model',
    },
    tool_call_parser: {
      ...text,
      description: 'Parser for tool calls, such as `hermes` or `llama3_json`. Also enables automatic tool choice.',
    },
    reasoning_parser: {
      ...text,
      description: 'Parser for reasoning, such as `deepseek_r1` or `qwen3`.',
    },
    speculative_config: {
      type: 'object',
      description: 'Options of speculative decoding, such as `{ method: ngram, num_speculative_tokens: 4 }`.',
    },
    max_loras: {
      ...count,
      description: 'Maximum number of adapters in one batch.',
      default: 'number of adapters of the model',
    },
    max_lora_rank: {
      ...count,
      description: 'Maximum rank of an adapter.',
      default: 'maximum rank of the adapters of the model',
    },
    sleep_level: {
      enum: [1, 2],
      description:
        'Put an idle model to sleep instead of stopping it; GPUs only. 1: keeps the weights in host memory; 2: reads them from disk again.',
    },
    generation_config: {
      ...text,
      description: 'Source of the sampling defaults: `auto` (the model), `vllm` or a directory.',
      default: 'auto',
    },
    seed: { type: 'integer', description: 'Random seed for sampling.' },
    shutdown_timeout: {
      type: 'integer',
      minimum: 0,
      description: 'Seconds that vLLM lets running requests continue at shutdown. Lamina drains them before.',
      default: 0,
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      description: 'Arguments passed unchanged, after all others.',
    },
  },
  additionalProperties: false,
} as const;

/** The options of `models.<name>.options`. */
export type ModelOptions = FromSchema<typeof modelOptions>;
