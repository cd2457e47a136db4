// The schema of the options of a model on vLLM; the table in README.md is generated from it.
import type { FromSchema } from '@lamina/core/plugin';

const count = { type: 'integer', minimum: 1 } as const;
const text = { type: 'string', minLength: 1 } as const;

/**
 * Options of a model, and of a backend instance as the defaults for its models. Each becomes a flag of `vllm serve`. A
 * `default` here is what vLLM itself does.
 */
export const modelOptions = {
  type: 'object',
  properties: {
    max_model_len: {
      anyOf: [count, { enum: ['auto'] }],
      description: 'Tokens one request may fill, prompt and answer together; `auto`: the longest that fits the memory.',
      default: 'what config.json says',
    },
    gpu_memory_utilization: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Share of the whole memory of each device that is taken at the start.',
      default: 0.92,
    },
    kv_cache_memory_bytes: {
      ...count,
      description: 'Bytes for the context of all requests on each device, instead of what the share leaves.',
    },
    kv_cache_dtype: { ...text, description: 'How the context is stored: `auto`, `fp8`, …', default: 'auto' },
    cpu_kvcache_space: {
      type: 'number',
      exclusiveMinimum: 0,
      description: 'GiB for the context of all requests, on the processor alone (`VLLM_CPU_KVCACHE_SPACE`).',
    },
    dtype: {
      enum: ['auto', 'half', 'float16', 'bfloat16', 'float', 'float32'],
      description: 'The type of weights and activations.',
      default: 'auto',
    },
    quantization: {
      ...text,
      description: 'Forces a method, such as `awq_marlin`; `config.json` says which one the weights need.',
      default: 'from config.json',
    },
    load_format: {
      ...text,
      description: 'How weights are read: `auto`, `safetensors`, `pt`, `dummy` (random weights, for tests), …',
      default: 'auto',
    },
    tokenizer: { ...text, description: 'A directory with another tokenizer.', default: "the model's own" },
    tensor_parallel_size: {
      ...count,
      description: 'Devices one layer is shared among; it must divide the attention heads.',
      default: 1,
    },
    pipeline_parallel_size: {
      ...count,
      description: 'Devices, or groups of them, that the layers are shared among.',
      default: 1,
    },
    data_parallel_size: { ...count, description: 'Copies of the model that share the requests.', default: 1 },
    devices: {
      type: 'array',
      items: text,
      minItems: 1,
      description: 'The GPUs to use, as `CUDA_VISIBLE_DEVICES` names them.',
      default: 'all',
    },
    max_num_seqs: {
      ...count,
      description: 'Requests computed at once; vLLM keeps the others in a queue of its own.',
      default: 'by device',
    },
    max_num_batched_tokens: { ...count, description: 'Tokens computed in one step.', default: 'by device' },
    enable_prefix_caching: {
      type: 'boolean',
      description: 'Keep the beginnings of prompts for later requests.',
      default: true,
    },
    enforce_eager: {
      type: 'boolean',
      description: 'No graphs, no compilation: starts sooner, answers slower.',
      default: false,
    },
    trust_remote_code: { type: 'boolean', description: 'Run Python code that came with the model.', default: false },
    runner: {
      enum: ['auto', 'generate', 'pooling', 'draft'],
      description: '`pooling`: embeddings and scores instead of chats.',
      default: 'auto',
    },
    convert: {
      enum: ['auto', 'none', 'embed', 'classify', 'reward'],
      description: 'What a model made for text is turned into.',
      default: 'auto',
    },
    chat_template: { ...text, description: 'The path of a file with the chat template.', default: "the model's own" },
    tool_call_parser: {
      ...text,
      description:
        'How tool calls are read out of answers, such as `hermes` or `llama3_json`. It also lets the model choose tools by itself.',
    },
    reasoning_parser: {
      ...text,
      description: 'How thoughts are read out of answers, such as `deepseek_r1` or `qwen3`.',
    },
    speculative_config: {
      type: 'object',
      description: 'Speculative decoding, such as `{ method: ngram, num_speculative_tokens: 4 }`.',
    },
    max_loras: { ...count, description: 'Adapters used in one step.', default: 'the number of adapters of the model' },
    max_lora_rank: {
      ...count,
      description: 'The largest rank of an adapter.',
      default: 'the largest of the adapters of the model',
    },
    sleep_level: {
      enum: [1, 2],
      description:
        'Puts an idle model to sleep instead of stopping it: 1 keeps its weights in host memory, 2 reads them again. Only on GPUs.',
    },
    generation_config: {
      ...text,
      description: 'Where sampling defaults come from: `auto` (the model), `vllm`, a directory.',
      default: 'auto',
    },
    seed: { type: 'integer', description: 'The seed of sampling.' },
    shutdown_timeout: {
      type: 'integer',
      minimum: 0,
      description: 'Seconds vLLM lets requests run when it is asked to end; Lamina drains them before.',
      default: 0,
    },
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      description: 'Arguments passed as they are, after all others.',
    },
  },
  additionalProperties: false,
} as const;

/** The options of `models.<name>.options`. */
export type ModelOptions = FromSchema<typeof modelOptions>;
