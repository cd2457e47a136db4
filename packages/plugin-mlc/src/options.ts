// The schema of the options of a model on MLC-LLM; the table in README.md is generated from it.
import type { FromSchema } from '@lamina/core/plugin';

const count = { type: 'integer', minimum: 1 } as const;
const countOrNone = { type: 'integer', minimum: 0 } as const;
const text = { type: 'string', minLength: 1 } as const;

/**
 * Options of a model, and of a backend as the defaults for its models. Each option becomes a flag of `mlc_llm serve` or
 * a part of its `--overrides`. A `default` here is the default of MLC-LLM.
 */
export const modelOptions = {
  type: 'object',
  properties: {
    device: {
      type: 'string',
      pattern: '^(auto|(cuda|rocm|metal|vulkan|opencl|cpu)(:\\d+)?)$',
      description: 'Device: `cuda`, `cuda:1`, `rocm`, `metal`, `vulkan`, `opencl` or `cpu`.',
      default: 'auto',
    },
    model_lib: {
      ...text,
      format: 'path',
      description: 'Path of the compiled model library.',
      default: 'library in the directory of the model; otherwise MLC-LLM compiles one',
    },
    jit_policy: {
      enum: ['ON', 'OFF', 'REDO', 'READONLY'],
      description:
        'Whether MLC-LLM compiles a missing library. `OFF`: never; `READONLY`: uses only cached libraries; `REDO`: always compiles again.',
      default: 'ON',
    },
    mode: {
      enum: ['local', 'interactive', 'server'],
      description:
        '`local`: few concurrent requests, small context; `interactive`: one request, largest context; `server`: uses as much memory as allowed.',
      default: 'local',
    },
    context_window_size: {
      ...count,
      description: 'Maximum tokens of a request, prompt and response together.',
      default: 'value in `mlc-chat-config.json`',
    },
    max_num_sequence: {
      ...count,
      description: 'Requests computed at the same time.',
      default: '4 with mode `local`, 1 with `interactive`',
    },
    max_total_seq_length: {
      ...count,
      description: 'Maximum tokens of all concurrent requests together.',
      default: 'depends on `mode`',
    },
    prefill_chunk_size: {
      ...count,
      description: 'Prompt tokens processed in one step.',
      default: 'value in `mlc-chat-config.json`',
    },
    prefill_mode: {
      enum: ['hybrid', 'chunked'],
      description: '`hybrid`: processes prompts together with generation; `chunked`: separately.',
      default: 'hybrid',
    },
    max_history_size: {
      ...count,
      description: 'Number of steps that a recurrent model can be rolled back.',
      default: 1,
    },
    sliding_window_size: { ...count, description: 'Size of the sliding window in tokens, for models that have one.' },
    attention_sink_size: { ...countOrNone, description: 'Number of first tokens that stay in the sliding window.' },
    gpu_memory_utilization: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Maximum share of the device memory to use.',
      default: 0.85,
    },
    tensor_parallel_shards: {
      ...count,
      description: 'Devices that each layer is split over. The library must be compiled for this number.',
      default: 1,
    },
    pipeline_parallel_stages: {
      ...count,
      description: 'Devices that the layers are distributed over. The library must be compiled for this number.',
      default: 1,
    },
    opt: {
      ...text,
      description: 'Optimization of libraries that MLC-LLM compiles: `O0` to `O3`, or flags.',
      default: 'O2',
    },
    prefix_cache_mode: {
      enum: ['radix', 'disable'],
      description: 'Cache prompt prefixes for later requests.',
      default: 'radix',
    },
    prefix_cache_max_num_recycling_seqs: {
      type: 'integer',
      minimum: -1,
      description: 'Maximum number of cached prefixes; -1: no limit.',
      default: 'same as `max_num_sequence`',
    },
    speculative_mode: {
      enum: ['disable', 'small_draft', 'eagle', 'medusa'],
      description: 'Type of speculative decoding.',
      default: '`small_draft` for a model with a draft model, else `disable`',
    },
    spec_draft_length: { ...countOrNone, description: 'Number of draft tokens; 0: MLC-LLM decides.' },
    spec_tree_width: { ...count, description: 'Number of draft alternatives per token.', default: 1 },
    embedding_model: {
      ...text,
      format: 'path',
      description: 'Directory of an embedding model to serve in the same process, for `/v1/embeddings`.',
    },
    embedding_model_lib: { ...text, format: 'path', description: 'Path of the compiled library of `embedding_model`.' },
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
