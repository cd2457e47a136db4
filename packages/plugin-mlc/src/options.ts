// The schema of the options of a model on MLC-LLM; the table in README.md is generated from it.
import type { FromSchema } from '@lamina/core/plugin';

const count = { type: 'integer', minimum: 1 } as const;
const countOrNone = { type: 'integer', minimum: 0 } as const;
const text = { type: 'string', minLength: 1 } as const;

/**
 * Options of a model, and of a backend instance as the defaults for its models. Each becomes a flag of `mlc_llm serve`,
 * or a part of its `--overrides`. A `default` here is what MLC-LLM itself does.
 */
export const modelOptions = {
  type: 'object',
  properties: {
    device: {
      type: 'string',
      pattern: '^(auto|(cuda|rocm|metal|vulkan|opencl|cpu)(:\\d+)?)$',
      description: 'Where it computes: `cuda`, `cuda:1`, `rocm`, `metal`, `vulkan`, `opencl`, `cpu`.',
      default: 'auto',
    },
    model_lib: {
      ...text,
      description: 'The path of the compiled model library.',
      default: 'the one that lies in the directory of the model, else MLC-LLM compiles one',
    },
    jit_policy: {
      enum: ['ON', 'OFF', 'REDO', 'READONLY'],
      description:
        'Whether MLC-LLM compiles a library that is missing: `OFF` never, `READONLY` takes only one it has compiled before, `REDO` compiles anew.',
      default: 'ON',
    },
    mode: {
      enum: ['local', 'interactive', 'server'],
      description:
        '`local`: few requests at once and a modest context; `interactive`: one request with the largest context; `server`: as much of the memory as it may take.',
      default: 'local',
    },
    context_window_size: {
      ...count,
      description: 'Tokens one request may fill, prompt and answer together.',
      default: 'what mlc-chat-config.json says',
    },
    max_num_sequence: {
      ...count,
      description: 'Requests computed at once.',
      default: '4 in the mode `local`, 1 in `interactive`',
    },
    max_total_seq_length: { ...count, description: 'Tokens of all requests together.', default: 'by mode' },
    prefill_chunk_size: {
      ...count,
      description: 'Tokens of a prompt taken in one step.',
      default: 'what mlc-chat-config.json says',
    },
    prefill_mode: {
      enum: ['hybrid', 'chunked'],
      description: 'Whether prompts are read while answers are written.',
      default: 'hybrid',
    },
    max_history_size: { ...count, description: 'Steps a recurrent model can be rolled back.', default: 1 },
    sliding_window_size: { ...count, description: 'Tokens of the sliding window, for models that have one.' },
    attention_sink_size: { ...countOrNone, description: 'Tokens at the beginning that stay in the sliding window.' },
    gpu_memory_utilization: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Share of the memory of the device that may be taken.',
      default: 0.85,
    },
    tensor_parallel_shards: {
      ...count,
      description: 'Devices one layer is shared among; the library must be compiled for as many.',
      default: 1,
    },
    pipeline_parallel_stages: {
      ...count,
      description: 'Devices the layers are shared among; the library must be compiled for as many.',
      default: 1,
    },
    opt: {
      ...text,
      description: 'How a library is optimised that MLC-LLM compiles: `O0` to `O3`, or flags.',
      default: 'O2',
    },
    prefix_cache_mode: {
      enum: ['radix', 'disable'],
      description: 'Keep the beginnings of prompts for later requests.',
      default: 'radix',
    },
    prefix_cache_max_num_recycling_seqs: {
      type: 'integer',
      minimum: -1,
      description: 'How many of them; -1: no limit.',
      default: 'as many as requests at once',
    },
    speculative_mode: {
      enum: ['disable', 'small_draft', 'eagle', 'medusa'],
      description: 'How the draft model drafts.',
      default: '`small_draft` for a model with a draft, else `disable`',
    },
    spec_draft_length: { ...countOrNone, description: 'Tokens drafted at a time; 0: MLC-LLM decides.' },
    spec_tree_width: { ...count, description: 'Alternatives drafted for a token.', default: 1 },
    embedding_model: {
      ...text,
      description: 'The directory of an embedding model that is served beside this one, for `/v1/embeddings`.',
    },
    embedding_model_lib: { ...text, description: 'The path of its compiled library.' },
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
