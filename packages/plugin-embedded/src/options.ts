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
      description: 'Tokens one request may fill, prompt and answer together. Memory grows with it, times `parallel`.',
      default: 'what the model was trained for, less if memory is short',
    },
    parallel: { ...count, description: 'Requests computed at once, each with a context of its own.', default: 1 },
    gpu_layers: {
      anyOf: [{ type: 'integer', minimum: 0 }, { enum: ['auto', 'all'] }],
      description: 'Layers kept in the memory of the GPU; 0: none.',
      default: 'auto',
    },
    threads: {
      ...count,
      description: 'Processor threads that compute.',
      default: 'the number of physical cores Lamina may use',
    },
    batch_size: { ...count, description: 'Tokens of all prompts taken in one step.', default: 512 },
    flash_attention: { enum: ['on', 'off', 'auto'], description: 'Attention that needs less memory.', default: 'auto' },
    mmap: {
      type: 'boolean',
      description: 'Map the weights from the file instead of reading them into memory.',
      default: true,
    },
    mlock: { type: 'boolean', description: 'Forbid the system to page the weights out.', default: false },
    embeddings: {
      type: 'boolean',
      description: 'Serve `/v1/embeddings`, and nothing else.',
      default: 'true for a model whose header says how it pools',
    },
    chat_template: {
      type: 'string',
      minLength: 1,
      description: 'A chat template, in Jinja.',
      default: "the model's own",
    },
    chat_template_kwargs: {
      type: 'object',
      description: 'Values given to the chat template, such as `{ enable_thinking: false }`.',
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
      description:
        'Where node-llama-cpp is installed, each version and build in a directory of its own. Several Laminas may share one.',
      default: "the plugin's place in Lamina's data directory",
    },
    gpu: {
      enum: [false, 'auto', 'cuda', 'vulkan', 'metal'],
      description: 'The build: `false` for the processor alone; `auto` takes CUDA where there is an NVIDIA driver.',
      default: 'false; metal on Apple silicon, where it is part of the one build there is',
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
