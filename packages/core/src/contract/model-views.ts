// The JSON documents about models, of the HTTP API and of `lamina --json`. A client must ignore fields that it does not
// know.
import { slotStateSchema } from './events.js';
import { modelEntrySchema } from './manifest.js';
import { heldMemorySchema } from './ps-view.js';
import type { DocumentOf, Schema } from './schema.js';
import { modelFactProperties } from './served-models.js';

const string = { type: 'string' } as const;
const strings = { type: 'array', items: string } as const;
const count = { type: 'integer', minimum: 0 } as const;
const boolean = { type: 'boolean' } as const;

const modelProperties = {
  ...modelEntrySchema.properties,
  bytes: { ...count, description: 'Size of the files in bytes; 0 if they are not on disk.' },
  available: { ...boolean, description: 'True if all files are on disk.' },
  active: { ...boolean, description: 'True if a model server is running or sleeping.' },
  state: slotStateSchema,
  runs_on: { ...string, description: 'With `?backends=true`: the backend that would run it.' },
  cannot_run: { ...string, description: 'With `?backends=true`: why no backend here would run it.' },
} as const;

const modelRequired = ['bytes', 'available', 'active', 'state'] as const;

/** A model in a list. */
export const modelViewSchema = {
  description: 'A model in a list: its manifest entry and its state.',
  type: 'object',
  properties: modelProperties,
  required: modelRequired,
  additionalProperties: true,
} as const satisfies Schema;

/** `GET /models`. */
export const modelsViewSchema = {
  description: 'Models by name.',
  type: 'object',
  properties: {
    models: { type: 'object', additionalProperties: modelViewSchema },
    total: count,
    available: count,
    active: count,
  },
  required: ['models', 'total', 'available', 'active'],
} as const satisfies Schema;

/** Metadata of a model's files. */
const metadataSchema = {
  description: 'Metadata in the headers of the files.',
  type: 'object',
  properties: {
    architecture: { ...string, description: '`llama`, `qwen2`, `clip`, …' },
    parameters: { ...count, description: 'The number of weights.' },
    context_length: { ...count, description: 'The longest context it was trained for, in tokens.' },
    embedding_length: count,
    layers: count,
    heads: { ...count, description: 'Attention heads.' },
    kv_heads: { ...count, description: 'Key/value heads; fewer than `heads` with grouped attention.' },
    key_length: { ...count, description: 'Numbers that a head stores per token for keys.' },
    value_length: { ...count, description: 'Numbers that a head stores per token for values.' },
    vocabulary_size: count,
    quantization: string,
    chat_template: { ...string, description: 'In the language of its engine.' },
    pooling: { ...string, description: 'Of embedding and reranking models: `mean`, `cls`, `last`, `rank`.' },
    capabilities: modelFactProperties.capabilities,
    kind: { ...string, description: '`model`, `mmproj`, `adapter`.' },
    shards: { ...count, description: 'The number of files the weights are split into.' },
  },
  additionalProperties: true,
} as const;

const endpointProperties = {
  port: { ...count, description: 'The port that the client connected to.' },
  health_endpoint: { ...string, description: 'A URL.' },
  chat_endpoint: { ...string, description: 'A URL.' },
} as const;

/** Where a server serves a running model. */
export const modelServerViewSchema = {
  description: 'Where the server serves a running model. The addresses are those of the server, not of the engine.',
  type: 'object',
  properties: {
    ...endpointProperties,
    backend: string,
    started_at: { ...string, description: 'ISO 8601.' },
    memory: heldMemorySchema,
    pid: { ...count, description: 'The process of the engine; only for callers with the scope `manage`.' },
    origin: { ...string, description: 'The address of the engine; only for callers with the scope `manage`.' },
  },
  required: ['port', 'health_endpoint', 'chat_endpoint'],
} as const satisfies Schema;

const detailProperties = {
  ...modelProperties,
  ...modelFactProperties,
  memory: {
    description:
      'With `?backends=true`, if the backend can estimate it: the memory that it would need with its options.',
    type: 'object',
    properties: { bytes: count, context_length: count },
    required: ['bytes', 'context_length'],
  },
  metadata: metadataSchema,
  missing: { ...strings, description: 'What is wrong with the files, one sentence each.' },
  error: {
    description: 'The last failure.',
    type: 'object',
    properties: { code: string, message: string },
    required: ['code', 'message'],
  },
  retry_at: { ...string, description: 'When a model that failed may be started again, ISO 8601.' },
  server: modelServerViewSchema,
} as const;

/** `GET /models/:name`. */
export const modelDetailSchema = {
  description: 'A model, with metadata of its files, missing files, the last error, and its server while it runs.',
  type: 'object',
  properties: detailProperties,
  required: modelRequired,
  additionalProperties: true,
} as const satisfies Schema;

/** `POST /models/:name/start`. */
export const startedViewSchema = {
  description: 'A started model. With `?wait=false`, `active` is false until the model is ready.',
  type: 'object',
  properties: { ...detailProperties, model: string, ...endpointProperties },
  required: [...modelRequired, 'model', 'port', 'health_endpoint', 'chat_endpoint'],
  additionalProperties: true,
} as const satisfies Schema;

/** `POST /models/:name/stop`. */
export const stoppedViewSchema = {
  description: 'A stopped model. With `?wait=false`, `stopped` is false.',
  type: 'object',
  properties: { ...detailProperties, model: string, stopped: boolean },
  required: [...modelRequired, 'model', 'stopped'],
  additionalProperties: true,
} as const satisfies Schema;

/** Something that is wrong in the manifest, or a file that is not offered as a model. */
export const diagnosticSchema = {
  description:
    'Something that is wrong in the manifest although it can be loaded, or a file on disk that is not offered as a model.',
  type: 'object',
  properties: {
    severity: {
      enum: ['error', 'warning'],
      description:
        '`error`: a model or a backend cannot run as it is written; `warning`: something is ignored, probably a mistake.',
    },
    message: { ...string, description: 'What is wrong, and what to write instead.' },
    model: { ...string, description: 'The model whose entry it is in.' },
    file: {
      ...string,
      description:
        'The manifest, or the file that is not offered: an absolute path. A manifest that is not a file has none.',
    },
    line: { type: 'integer', minimum: 1 },
    column: { type: 'integer', minimum: 1 },
  },
  required: ['severity', 'message'],
} as const satisfies Schema;

/** `POST /models/validate`. */
export const validationViewSchema = {
  description: 'Problems of the manifest and of model files.',
  type: 'object',
  properties: {
    valid: {
      ...boolean,
      description: 'False if there is an error in the manifest or a problem of a file; warnings do not count.',
    },
    checked: { ...count, description: 'The number of models that were checked.' },
    diagnostics: {
      type: 'array',
      items: diagnosticSchema,
      description:
        'What is wrong in the manifest, and which files are not offered as models; of named models only theirs.',
    },
    models: {
      description: 'The problems of the files of each model.',
      type: 'object',
      additionalProperties: {
        type: 'object',
        properties: {
          valid: boolean,
          problems: {
            type: 'array',
            items: {
              type: 'object',
              properties: { kind: string, message: string },
              required: ['kind', 'message'],
            },
          },
        },
        required: ['valid', 'problems'],
      },
    },
  },
  required: ['valid', 'checked', 'diagnostics', 'models'],
} as const satisfies Schema;

/** `POST /suggest`. */
export const suggestionViewSchema = {
  description: 'The model for a purpose, and others.',
  type: 'object',
  properties: {
    suggested: { ...string, description: 'The name of the model.' },
    matched: {
      ...boolean,
      description: 'False when no model on disk is meant for what was asked: then the best of all models is suggested.',
    },
    model_info: modelViewSchema,
    available: boolean,
    reasons: { ...strings, description: 'A sentence part each.' },
    alternatives: {
      type: 'array',
      description: 'At most ten others, best first.',
      items: {
        type: 'object',
        properties: {
          name: string,
          available: boolean,
          score: { type: 'number', description: 'Higher is better; comparable within one answer only.' },
          reasons: strings,
          command: { ...string, description: 'The command that downloads it, when its files are not on disk.' },
        },
        required: ['name', 'available', 'score', 'reasons'],
      },
    },
  },
  required: ['suggested', 'matched', 'model_info', 'available', 'reasons', 'alternatives'],
} as const satisfies Schema;

/** `DELETE /models/:name`. */
export const removalViewSchema = {
  description: 'A model that was removed from the manifest.',
  type: 'object',
  properties: {
    removed: { ...string, description: 'The name of the model.' },
    deleted: { ...strings, description: 'Absolute paths of the deleted files and directories.' },
    kept: { ...strings, description: 'Which files stay and why, one sentence each.' },
    remaining: {
      ...strings,
      description:
        'The models that still serve its files: other entries, or the files themselves under the name of their path.',
    },
  },
  required: ['removed', 'deleted', 'kept', 'remaining'],
} as const satisfies Schema;

/** `POST /models/reload`. */
export const reloadViewSchema = {
  description: 'The models that changed, by name.',
  type: 'object',
  properties: { added: strings, changed: strings, removed: strings, total: count },
  required: ['added', 'changed', 'removed', 'total'],
} as const satisfies Schema;

/** A model in a list. */
export type ModelView = DocumentOf<typeof modelViewSchema>;
/** `GET /models`. */
export type ModelsView = DocumentOf<typeof modelsViewSchema>;
/** `GET /models/:name`. */
export type ModelDetail = DocumentOf<typeof modelDetailSchema>;
/** Where a server serves a running model. */
export type ModelServerView = DocumentOf<typeof modelServerViewSchema>;
/** `POST /models/:name/start`. */
export type StartedView = DocumentOf<typeof startedViewSchema>;
/** `POST /models/:name/stop`. */
export type StoppedView = DocumentOf<typeof stoppedViewSchema>;
/** Something that is wrong in the manifest, or a file that is not offered as a model. */
export type Diagnostic = DocumentOf<typeof diagnosticSchema>;
/** `POST /models/validate`. */
export type ValidationView = DocumentOf<typeof validationViewSchema>;
/** `POST /suggest`. */
export type SuggestionView = DocumentOf<typeof suggestionViewSchema>;
/** `DELETE /models/:name`. */
export type RemovalView = DocumentOf<typeof removalViewSchema>;
/** `POST /models/reload`. */
export type ReloadView = DocumentOf<typeof reloadViewSchema>;
