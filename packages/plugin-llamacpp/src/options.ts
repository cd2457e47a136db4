// The schema of the options of a model on llama.cpp; the table in README.md is generated from it.
import type { FromSchema } from '@lamina/core/plugin';

const cacheType = { enum: ['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1', 'iq4_nl', 'q5_0', 'q5_1'] } as const;
const count = { type: 'integer', minimum: 1 } as const;

/**
 * Options of a model, and of a backend as the defaults for its models. Each option becomes a flag of `llama-server`; if
 * the build lacks the flag, the start fails. A `default` here is the default of llama-server.
 */
export const modelOptions = {
  type: 'object',
  properties: {
    context_length: {
      ...count,
      description:
        'Maximum tokens of a request, prompt and response together. Memory use is proportional to it, times `parallel`.',
      default: 'what the model was trained with, or what takes a quarter of the memory, at least 4096',
    },
    parallel: {
      ...count,
      description:
        'Requests computed at the same time. Default of llama-server: four, which share the tokens of one context.',
    },
    gpu_layers: {
      anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['auto', 'all'] }],
      description: 'Layers to keep in GPU memory; 0: none.',
      default: 'auto',
    },
    devices: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      description: 'Devices to use, named as in `llama-server --list-devices`; `none`: CPU only.',
      default: 'all',
    },
    tensor_split: {
      type: 'array',
      items: { type: 'number', minimum: 0 },
      minItems: 1,
      description: 'Proportions in which the model is split over the devices: `[3, 1]`.',
      default: 'proportional to free memory',
    },
    split_mode: {
      enum: ['none', 'layer', 'row', 'tensor'],
      description: 'How the model is split over several devices.',
      default: 'layer',
    },
    main_gpu: {
      type: 'integer',
      minimum: 0,
      description: 'Device to use when `split_mode` is `none`.',
      default: 0,
    },
    cpu_moe_layers: {
      anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['all'] }],
      description: 'Layers whose mixture-of-experts weights are kept in host memory.',
      default: 0,
    },
    threads: {
      ...count,
      description: 'CPU threads for computation.',
      default: 'number of physical cores available to Lamina',
    },
    batch_size: { ...count, description: 'Logical batch size: prompt tokens processed in one step.', default: 2048 },
    ubatch_size: {
      ...count,
      description:
        'Physical batch size: tokens computed at the same time. Inputs for embeddings and reranking must fit.',
      default: 512,
    },
    flash_attention: {
      enum: ['on', 'off', 'auto'],
      description: 'Use flash attention, which needs less memory.',
      default: 'auto',
    },
    cache_type_k: { ...cacheType, description: 'Data type of the K cache.', default: 'f16' },
    cache_type_v: {
      ...cacheType,
      description: 'Data type of the V cache. Quantized types need flash attention.',
      default: 'f16',
    },
    cache_ram: {
      type: 'integer',
      minimum: -1,
      description: 'Host memory for the prompt cache, in MiB; 0: none, -1: no limit.',
      default: 'two prompts that fill the context, at most 8192 or a tenth of the memory',
    },
    mmap: {
      type: 'boolean',
      description: 'Memory-map the weights instead of reading them into memory.',
      default: true,
    },
    mlock: {
      type: 'boolean',
      description: 'Lock the weights in memory, so that the system cannot page them out.',
      default: false,
    },
    embeddings: {
      type: 'boolean',
      description: 'Serve `/v1/embeddings`.',
      default: 'true for a model whose header has a pooling type',
    },
    pooling: {
      enum: ['none', 'mean', 'cls', 'last', 'rank'],
      description: 'Pooling type for embeddings. Required if the header of the model does not have one.',
    },
    rerank: {
      type: 'boolean',
      description: 'Serve `/v1/rerank`.',
      default: 'true for a model whose header has the pooling type `rank`',
    },
    projector: {
      type: 'boolean',
      description: 'Use the multimodal projector in the directory of the model.',
      default: true,
    },
    draft_type: {
      type: 'string',
      minLength: 1,
      description: 'Type of speculative decoding, one of `llama-server --spec-type`.',
      default: 'draft-simple',
    },
    draft_max: { ...count, description: 'Maximum number of draft tokens.', default: 3 },
    draft_min: { type: 'integer', minimum: 0, description: 'Minimum number of draft tokens.', default: 0 },
    draft_gpu_layers: {
      type: 'integer',
      minimum: 0,
      description: 'Layers of the draft model to keep in GPU memory.',
      default: 'auto',
    },
    chat_template: {
      type: 'string',
      minLength: 1,
      description: 'A chat template, or the name of a built-in one.',
      default: 'the template of the model',
    },
    chat_template_file: {
      type: 'string',
      minLength: 1,
      format: 'path',
      description: 'Path of a file with the chat template.',
    },
    chat_template_kwargs: {
      type: 'object',
      description: 'Variables for the chat template, such as `{ enable_thinking: false }`.',
    },
    jinja: { type: 'boolean', description: 'Render the template with Jinja; required for tools.', default: true },
    reasoning: { enum: ['on', 'off', 'auto'], description: 'Enable reasoning.', default: 'auto' },
    reasoning_format: {
      enum: ['none', 'deepseek', 'deepseek-legacy', 'auto'],
      description: 'Where reasoning is returned: `none`: in `content`; `deepseek`: in `reasoning_content`.',
      default: 'auto',
    },
    reasoning_budget: {
      type: 'integer',
      minimum: -1,
      description: 'Maximum tokens for reasoning; -1: no limit.',
      default: -1,
    },
    lora_scale: {
      type: 'number',
      description: 'Scale of the adapter. Set it in the manifest entry of the adapter.',
      default: 1,
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
