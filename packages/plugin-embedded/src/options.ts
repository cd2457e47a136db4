// The schema of the options of a model on the embedded engine; the table in README.md is generated from it.
import type { FromSchema } from '@lamina/core/plugin';

const count = { type: 'integer', minimum: 1 } as const;

/**
 * Options of a model, and of a backend instance as the defaults for its models. They have the same names and meanings
 * as on llama.cpp.
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
    parallel: { ...count, description: 'Requests computed at the same time, each with its own context.', default: 1 },
    gpu_layers: {
      anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['auto', 'all'] }],
      description: 'Layers to keep in GPU memory; 0: none.',
      default: 'auto',
    },
    threads: {
      ...count,
      description: 'CPU threads for computation.',
      default: 'number of physical cores available to Lamina',
    },
    batch_size: { ...count, description: 'Prompt tokens of all requests processed in one step.', default: 512 },
    flash_attention: {
      enum: ['on', 'off', 'auto'],
      description: 'Use flash attention, which needs less memory.',
      default: 'auto',
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
      description: 'Serve only `/v1/embeddings`.',
      default: 'true for a model whose header has a pooling type',
    },
    chat_template: {
      type: 'string',
      minLength: 1,
      description: 'A Jinja chat template.',
      default: 'the template of the model',
    },
    chat_template_kwargs: {
      type: 'object',
      description: 'Variables for the chat template, such as `{ enable_thinking: false }`.',
    },
  },
  additionalProperties: false,
} as const;

/** The options of `models.<name>.options`. */
export type ModelOptions = FromSchema<typeof modelOptions>;

/** More options of an instance: where the engine is, and which build. */
export const instanceOptions = {
  type: 'object',
  properties: {
    directory: {
      type: 'string',
      minLength: 1,
      format: 'path',
      description:
        'Directory to install node-llama-cpp in, with a subdirectory per version and build. Several Lamina instances can share it.',
      default: "the plugin's directory in Lamina's data directory",
    },
    gpu: {
      enum: [false, 'auto', 'cuda', 'vulkan', 'metal'],
      description: 'Build to install. `false`: CPU only; `auto`: CUDA if there is an NVIDIA driver.',
      default: 'false; metal on Apple silicon, whose only build includes it',
    },
    fallback: {
      type: 'boolean',
      description: 'Serve models that name llama.cpp while llama.cpp is not available.',
      default: true,
    },
  },
  additionalProperties: false,
} as const;

/** The options of {@link instanceOptions}. */
export type EmbeddedOptions = FromSchema<typeof instanceOptions>;
