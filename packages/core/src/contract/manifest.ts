// The schema of models.yaml. Unknown keys are allowed: they are kept, with a warning.
import type { DocumentOf } from './schema.js';

const strings = { type: 'array', items: { type: 'string' } } as const;
const seconds = { type: 'number', minimum: 0 } as const;

/** One entry under `models:`. */
export const modelEntrySchema = {
  type: 'object',
  properties: {
    path: {
      type: 'string',
      minLength: 1,
      description:
        'The file or directory, relative to the models directory, or an absolute path. `~/` and `${VARIABLE}` are expanded.',
    },
    backend: {
      type: 'string',
      minLength: 1,
      description: 'A name under `backends:`, a backend type or one of its aliases.',
    },
    format: { type: 'string', minLength: 1, description: 'The format, when the path does not show it.' },
    size: { type: ['string', 'number'], description: 'Text such as "2.0GB", for people.' },
    description: { type: 'string' },
    quantization: { type: 'string' },
    use_cases: strings,
    download: { type: 'object', description: 'Source → reference, tried in this order.' },
    digest: {
      type: 'string',
      description: 'The SHA-256 of the downloaded file: `sha256:` and 64 hexadecimal digits.',
    },
    revision: { type: 'string', description: 'The commit or digest at the source.' },
    aliases: strings,
    base: { type: 'string', minLength: 1, description: 'For an adapter: the model whose process it shares.' },
    projector: {
      type: 'string',
      minLength: 1,
      description: 'The multimodal projector; by default the one next to the model.',
    },
    draft: { type: 'string', minLength: 1, description: 'The draft model for speculative decoding.' },
    options: { type: 'object', description: "Options for the backend, validated against its type's schema." },
    pinned: { type: 'boolean', description: 'Never stopped for another model, nor when idle.' },
    preload: { type: 'boolean', description: 'Loaded when Lamina starts.' },
    limits: {
      type: 'object',
      properties: {
        load_timeout: seconds,
        drain_timeout: seconds,
        stop_timeout: seconds,
        idle_timeout: seconds,
        max_concurrency: { type: 'integer', minimum: 1 },
        queue_limit: { type: 'integer', minimum: 1 },
        queue_timeout: seconds,
      },
      description: 'In seconds, except for `max_concurrency` and `queue_limit`.',
    },
  },
} as const;

/** One entry under `backends:`. All keys except `type` are options of that type. */
export const backendEntrySchema = {
  type: 'object',
  properties: {
    type: {
      type: 'string',
      minLength: 1,
      description: 'The backend type; by default the name.',
    },
  },
} as const;

/** One entry under `groups:`. */
export const modelGroupSchema = {
  type: 'object',
  properties: {
    models: strings,
    max_loaded: {
      type: 'integer',
      minimum: 1,
      description: 'How many of these models may run at the same time; default 1.',
    },
  },
  required: ['models'],
} as const;

/** The whole manifest. */
export const manifestSchema = {
  type: 'object',
  properties: {
    models: { type: 'object', additionalProperties: modelEntrySchema },
    categories: { type: 'object', additionalProperties: strings },
    backends: { type: 'object', additionalProperties: backendEntrySchema },
    defaults: { type: 'object', additionalProperties: { type: 'string' } },
    groups: { type: 'object', additionalProperties: modelGroupSchema },
  },
} as const;

/** One model in the manifest; unknown keys are kept. */
export type ModelEntry = DocumentOf<typeof modelEntrySchema> & { readonly [key: string]: unknown };

/** One backend in the manifest. */
export interface BackendEntry {
  readonly type?: string;
  readonly [option: string]: unknown;
}

/** Models of which only some may run at the same time. */
export type ModelGroup = DocumentOf<typeof modelGroupSchema>;

/** Entries of a manifest, by name. */
export type ManifestEntries = Partial<Pick<Manifest, 'models' | 'backends' | 'groups'>>;

/** The manifest as plain data. */
export interface Manifest {
  readonly models: Readonly<Record<string, ModelEntry>>;
  readonly categories: Readonly<Record<string, readonly string[]>>;
  readonly backends: Readonly<Record<string, BackendEntry>>;
  readonly defaults: Readonly<Record<string, string>>;
  readonly groups: Readonly<Record<string, ModelGroup>>;
}
