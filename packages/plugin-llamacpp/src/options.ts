// The schema of the options of a model on llama.cpp; the table in README.md is generated from it.
import type { FromSchema } from '@lamina/core/plugin';

const cacheType = { enum: ['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1', 'iq4_nl', 'q5_0', 'q5_1'] } as const;
const count = { type: 'integer', minimum: 1 } as const;

/**
 * Options of a model, and of a backend instance as the defaults for its models. Each becomes a flag of `llama-server`;
 * one that this build does not have is refused when the model starts. A `default` here is what llama-server itself
 * does.
 */
export const modelOptions = {
  type: 'object',
  properties: {
    context_length: {
      ...count,
      description: 'Tokens one request may fill, prompt and answer together. Memory grows with it, times `parallel`.',
      default: 'what the model was trained for, less if memory is short',
    },
    parallel: {
      ...count,
      description:
        'Requests computed at once. Without it, llama-server takes four that share the tokens of one context.',
    },
    gpu_layers: {
      anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['auto', 'all'] }],
      description: 'Layers kept in the memory of the GPUs; 0: none.',
      default: 'auto',
    },
    devices: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      description: 'The devices to use, as `llama-server --list-devices` names them; `none`: the processor alone.',
      default: 'all',
    },
    tensor_split: {
      type: 'array',
      items: { type: 'number', minimum: 0 },
      minItems: 1,
      description: 'How the model is shared among the devices, as proportions: `[3, 1]`.',
      default: 'by free memory',
    },
    split_mode: {
      enum: ['none', 'layer', 'row', 'tensor'],
      description: 'What is shared among several devices.',
      default: 'layer',
    },
    main_gpu: {
      type: 'integer',
      minimum: 0,
      description: 'The device that is used when `split_mode` is `none`.',
      default: 0,
    },
    cpu_moe_layers: {
      anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['all'] }],
      description: 'Layers whose mixture-of-experts weights stay in host memory.',
      default: 0,
    },
    threads: {
      ...count,
      description: 'Processor threads that compute.',
      default: 'the number of physical cores Lamina may use',
    },
    batch_size: { ...count, description: 'Tokens of a prompt taken in one step.', default: 2048 },
    ubatch_size: {
      ...count,
      description: 'Tokens computed at once. An input to embed or to rank must fit.',
      default: 512,
    },
    flash_attention: { enum: ['on', 'off', 'auto'], description: 'Attention that needs less memory.', default: 'auto' },
    cache_type_k: { ...cacheType, description: 'How the keys of the context are stored.', default: 'f16' },
    cache_type_v: {
      ...cacheType,
      description: 'How the values of the context are stored; anything quantised needs flash attention.',
      default: 'f16',
    },
    cache_ram: {
      type: 'integer',
      minimum: -1,
      description: 'MiB of host memory for the prompts of earlier requests; 0: none, -1: no limit.',
      default: 8192,
    },
    mmap: {
      type: 'boolean',
      description: 'Map the weights from the file instead of reading them into memory.',
      default: true,
    },
    mlock: { type: 'boolean', description: 'Forbid the system to page the weights out.', default: false },
    embeddings: {
      type: 'boolean',
      description: 'Serve `/v1/embeddings`.',
      default: 'true for a model whose header says how it pools',
    },
    pooling: {
      enum: ['none', 'mean', 'cls', 'last', 'rank'],
      description:
        'How the vectors of the tokens become one. Needed for embeddings when the header of the model does not say.',
    },
    rerank: {
      type: 'boolean',
      description: 'Serve `/v1/rerank`.',
      default: 'true for a model whose header says that it ranks',
    },
    projector: {
      type: 'boolean',
      description: 'Use the multimodal projector that was found beside the model.',
      default: true,
    },
    draft_type: {
      type: 'string',
      minLength: 1,
      description: 'How the draft model drafts, one of `llama-server --spec-type`.',
      default: 'draft-simple',
    },
    draft_max: { ...count, description: 'Most tokens drafted at a time.', default: 3 },
    draft_min: { type: 'integer', minimum: 0, description: 'Fewest tokens drafted at a time.', default: 0 },
    draft_gpu_layers: {
      type: 'integer',
      minimum: 0,
      description: 'Layers of the draft model kept in the memory of the GPUs.',
      default: 'auto',
    },
    chat_template: {
      type: 'string',
      minLength: 1,
      description: 'A chat template, or the name of one that is built in.',
      default: "the model's own",
    },
    chat_template_file: {
      type: 'string',
      minLength: 1,
      description: 'The path of a file that holds the chat template.',
    },
    chat_template_kwargs: {
      type: 'object',
      description: 'Values given to the chat template, such as `{ enable_thinking: false }`.',
    },
    jinja: { type: 'boolean', description: 'Let a Jinja engine render the template; tools need it.', default: true },
    reasoning: { enum: ['on', 'off', 'auto'], description: 'Let the model think before it answers.', default: 'auto' },
    reasoning_format: {
      enum: ['none', 'deepseek', 'deepseek-legacy', 'auto'],
      description:
        'Where thoughts go: `none` leaves them in the content, `deepseek` puts them into `reasoning_content`.',
      default: 'auto',
    },
    reasoning_budget: {
      type: 'integer',
      minimum: -1,
      description: 'Tokens the model may think; -1: no limit.',
      default: -1,
    },
    lora_scale: {
      type: 'number',
      description: "How strongly an adapter is applied; said in the adapter's own entry.",
      default: 1,
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
