// The shape of models.yaml: the file people own. Unknown keys are kept and warned about, so nothing here forbids them.
import type { FromSchema } from './schema.js';

const strings = { type: 'array', items: { type: 'string' } } as const;
const seconds = { type: 'number', minimum: 0 } as const;

/** One entry under `models:`. */
export const modelEntrySchema = {
  type: 'object',
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      description: 'The file or directory, relative to the models directory; the operator may write an absolute path.',
    },
    backend: {
      type: 'string',
      minLength: 1,
      description: 'A name under `backends:`, a backend type or one of its aliases.',
    },
    format: { type: 'string', minLength: 1, description: 'Says the format when the path does not.' },
    size: { type: ['string', 'number'], description: 'Free text such as "2.0GB"; for people.' },
    description: { type: 'string' },
    quantization: { type: 'string' },
    use_cases: strings,
    download: { type: 'object', description: 'Source → reference, in the order they are tried.' },
    digest: {
      type: 'string',
      description: 'The SHA-256 of the file that was downloaded: `sha256:` and 64 hexadecimal digits.',
    },
    revision: { type: 'string', description: 'The commit or digest at the source it was downloaded from.' },
    aliases: strings,
    base: { type: 'string', minLength: 1, description: 'For an adapter: the model whose process it shares.' },
    projector: {
      type: 'string',
      minLength: 1,
      description: 'The multimodal projector; found beside the model when not named.',
    },
    draft: { type: 'string', minLength: 1, description: 'The draft model for speculative decoding.' },
    options: { type: 'object', description: "Options for the backend, checked against its type's own schema." },
    pinned: { type: 'boolean', description: 'Never stopped to make room, nor when idle.' },
    limits: {
      type: 'object',
      properties: {
        load_timeout: seconds,
        drain_timeout: seconds,
        stop_timeout: seconds,
        idle_timeout: seconds,
        max_concurrency: { type: 'integer', minimum: 1 },
      },
      description: 'Seconds, but for `max_concurrency`.',
    },
  },
} as const;

/** One entry under `backends:`. Everything but `type` is an option of that type. */
export const backendEntrySchema = {
  type: 'object',
  properties: {
    type: {
      type: 'string',
      minLength: 1,
      description: 'The backend type; without it, the name is taken for the type.',
    },
  },
} as const;

/** The whole manifest. */
export const manifestSchema = {
  type: 'object',
  properties: {
    models: { type: 'object', additionalProperties: modelEntrySchema },
    categories: { type: 'object', additionalProperties: strings },
    backends: { type: 'object', additionalProperties: backendEntrySchema },
    defaults: { type: 'object', additionalProperties: { type: 'string' } },
  },
} as const;

/** One model as the manifest writes it; unknown keys are kept. */
export type ModelEntry = FromSchema<typeof modelEntrySchema> & { readonly [key: string]: unknown };

/** One backend as the manifest writes it. */
export interface BackendEntry {
  readonly type?: string;
  readonly [option: string]: unknown;
}

/** The manifest as plain data. */
export interface Manifest {
  readonly models: Readonly<Record<string, ModelEntry>>;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly backends: Readonly<Record<string, BackendEntry>>;
  readonly defaults: Readonly<Record<string, string>>;
}
