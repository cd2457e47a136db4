// The JSON documents about backends, downloads, requests and the server itself, of the HTTP API and of `lamina --json`. A
// client must ignore fields that it does not know.
import { errorSchema, eventSchemas } from './events.js';
import type { DocumentOf, Schema } from './schema.js';

const string = { type: 'string' } as const;
const strings = { type: 'array', items: string } as const;
const count = { type: 'integer', minimum: 0 } as const;
const boolean = { type: 'boolean' } as const;

/** Every error of the HTTP API. */
export const errorViewSchema = {
  description: 'An error. Its code is one of docs/errors.md, or the code of an engine.',
  type: 'object',
  properties: {
    error: errorSchema,
    type: { const: 'error', description: "On the routes of Anthropic's API, as its clients expect." },
  },
  required: ['error'],
} as const satisfies Schema;

/** A backend in `GET /backends`. */
export const backendViewSchema = {
  description: 'A backend: its engine, or why it is not available.',
  type: 'object',
  properties: {
    type: string,
    available: boolean,
    version: string,
    executable: string,
    formats: { ...strings, description: 'The formats of models that it opens.' },
    reason: { ...string, description: 'Why it is not available.' },
    hint: { ...string, description: 'What to do about it.' },
    note: { ...string, description: 'A note about an available backend.' },
    fallback_for: { ...strings, description: 'Backends that are not here and whose models this one serves.' },
    fallback: { ...string, description: 'The backend that serves its models while it is not available.' },
  },
  required: ['type', 'available', 'formats'],
} as const satisfies Schema;

/** `GET /backends`. */
export const backendsViewSchema = {
  description: 'The configured backends by name.',
  type: 'object',
  properties: {
    backends: { type: 'object', additionalProperties: backendViewSchema },
    available: { ...strings, description: 'The names of the available backends.' },
    total_configured: count,
    total_available: count,
  },
  required: ['backends', 'available', 'total_configured', 'total_available'],
} as const satisfies Schema;

/** `POST /backends/:name/install`. */
export const installationViewSchema = {
  description: 'A backend whose engine is installed.',
  type: 'object',
  properties: {
    backend: string,
    version: string,
    installed: { ...boolean, description: 'False when it was installed already.' },
  },
  required: ['backend', 'installed'],
} as const satisfies Schema;

/** One file of a download. */
export const downloadFileSchema = {
  description: 'One file of a download. Sizes are in bytes.',
  type: 'object',
  properties: {
    path: { ...string, description: "Relative to the model's directory." },
    done: count,
    total: { ...count, description: 'Missing while it is unknown.' },
    state: { enum: ['waiting', 'fetching', 'fetched', 'verified', 'placed'] },
  },
  required: ['path', 'done', 'state'],
} as const satisfies Schema;

/** A download. */
export const downloadViewSchema = {
  description: 'A download. Sizes are in bytes.',
  type: 'object',
  properties: {
    id: string,
    model: { ...string, description: 'The name of its model.' },
    source: string,
    reference: { description: 'What the source was asked for, any JSON value.' },
    state: { enum: ['queued', 'active', 'paused', 'finished', 'failed', 'cancelled'] },
    done: { ...count, description: 'Bytes on disk.' },
    total: { ...count, description: 'Missing while the size of a file is unknown.' },
    bytes_per_second: { type: 'number', minimum: 0, description: 'Smoothed; 0 while it is not active.' },
    seconds_left: { type: 'number', minimum: 0 },
    files: { type: 'array', items: downloadFileSchema },
    error: errorSchema,
    created_at: { ...string, description: 'ISO 8601.' },
  },
  required: ['id', 'model', 'source', 'reference', 'state', 'done', 'bytes_per_second', 'files', 'created_at'],
} as const satisfies Schema;

/** `GET /downloads`. */
export const downloadsViewSchema = {
  description: 'All downloads, oldest first.',
  type: 'object',
  properties: { downloads: { type: 'array', items: downloadViewSchema } },
  required: ['downloads'],
} as const satisfies Schema;

/** `GET /downloadable`. */
export const downloadableViewSchema = {
  description: 'The models of the manifest that are not on disk and have an installed source.',
  type: 'object',
  properties: {
    models: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          model: string,
          sources: {
            type: 'object',
            description: 'Reference by source, in the order in which they are tried.',
            additionalProperties: { description: 'What the source is asked for, any JSON value.' },
          },
          download: { ...string, description: 'The id of its unfinished download.' },
        },
        required: ['model', 'sources'],
      },
    },
  },
  required: ['models'],
} as const satisfies Schema;

/** A model that a source has. */
export const foundModelSchema = {
  description: 'A model that a source has.',
  type: 'object',
  properties: {
    source: string,
    reference: { ...string, description: 'What `POST /download` and `lamina pull` accept.' },
    description: string,
    downloads: { ...count, description: 'How often it was downloaded, as the source counts.' },
    likes: count,
    updated_at: { ...string, description: 'When it was last changed, ISO 8601.' },
    formats: { ...strings, description: 'The formats of its files: `gguf`.' },
    bytes: { ...count, description: 'The size of the files that would be downloaded.' },
    gated: {
      ...boolean,
      description: 'True when a download needs a token of an account that has accepted the terms of the model.',
    },
  },
  required: ['source', 'reference'],
} as const satisfies Schema;

/** `GET /search`. */
export const searchViewSchema = {
  description: 'Models that sources have.',
  type: 'object',
  properties: {
    models: {
      type: 'array',
      items: foundModelSchema,
      description: 'Those of one source after another, the best of each first. Fields are missing when unknown.',
    },
    failed: {
      type: 'array',
      items: {
        type: 'object',
        properties: { source: string, error: errorSchema },
        required: ['source', 'error'],
      },
      description: 'The sources that failed, and why.',
    },
  },
  required: ['models', 'failed'],
} as const satisfies Schema;

/** How many models there are, and the names that group them. */
export const modelStatsSchema = {
  description: 'How many models there are, and the names that group them.',
  type: 'object',
  properties: {
    total_models: count,
    available_models: count,
    missing_models: count,
    categories: { ...strings, description: 'The categories of the manifest.' },
    backends: { ...strings, description: 'The backends of the manifest, and those that models name.' },
    use_cases: { ...strings, description: 'The use cases that have a default model, and those that models name.' },
  },
  required: ['total_models', 'available_models', 'missing_models', 'categories', 'backends', 'use_cases'],
} as const satisfies Schema;

/** `GET /health`. */
export const healthViewSchema = {
  description: 'The server is up. Without a required API key, only the first two fields.',
  type: 'object',
  properties: {
    status: { const: 'healthy' },
    timestamp: { type: 'number', description: 'Seconds since 1970, with a fraction.' },
    models: modelStatsSchema,
    diagnostics: { ...count, description: 'How many diagnostics `POST /models/validate` shows.' },
    active_servers: count,
  },
  required: ['status', 'timestamp'],
} as const satisfies Schema;

const { 'request.started': started, 'request.finished': finished } = eventSchemas;
const eventProperties = {
  id: { ...string, description: 'The id of the event.' },
  at: { ...string, description: 'ISO 8601.' },
} as const;

/** An inference request that is under way. */
export const startedRequestSchema = {
  description: 'An inference request that is under way, with the fields of the event `request.started`.',
  type: 'object',
  properties: { ...eventProperties, ...started.properties },
  required: ['id', 'at', ...started.required],
} as const satisfies Schema;

/** An inference request that has ended. */
export const finishedRequestSchema = {
  description: 'An inference request that has ended, with the fields of the event `request.finished`.',
  type: 'object',
  properties: { ...eventProperties, ...finished.properties },
  required: ['id', 'at', ...finished.required],
} as const satisfies Schema;

/** `GET /requests`. */
export const requestsViewSchema = {
  description:
    'Inference requests: those under way, and the last 500 that have ended. They have no prompts or answers.',
  type: 'object',
  properties: {
    running: { type: 'array', items: startedRequestSchema, description: 'Oldest first.' },
    finished: {
      type: 'array',
      items: finishedRequestSchema,
      description: 'In the order in which they ended; with `?after=<id>`, those after that one.',
    },
    complete: {
      ...boolean,
      description: 'False when some of those after `after` are no longer kept, or the server was restarted since.',
    },
  },
  required: ['running', 'finished', 'complete'],
} as const satisfies Schema;

/** Every error of the HTTP API. */
export type ErrorView = DocumentOf<typeof errorViewSchema>;
/** A backend in `GET /backends`. */
export type BackendView = DocumentOf<typeof backendViewSchema>;
/** `GET /backends`. */
export type BackendsView = DocumentOf<typeof backendsViewSchema>;
/** `POST /backends/:name/install`. */
export type InstallationView = DocumentOf<typeof installationViewSchema>;
/** One file of a download. */
export type DownloadFile = DocumentOf<typeof downloadFileSchema>;
/** A download, as `GET /downloads/:id` shows it. */
export type DownloadView = DocumentOf<typeof downloadViewSchema>;
/** `GET /downloads`. */
export type DownloadsView = DocumentOf<typeof downloadsViewSchema>;
/** `GET /downloadable`. */
export type DownloadableView = DocumentOf<typeof downloadableViewSchema>;
/** A model that a source has, in `GET /search`. */
export type FoundModelView = DocumentOf<typeof foundModelSchema>;
/** `GET /search`. */
export type SearchView = DocumentOf<typeof searchViewSchema>;
/** How many models there are, and the names that group them. */
export type ModelStats = DocumentOf<typeof modelStatsSchema>;
/** `GET /health`. */
export type HealthView = DocumentOf<typeof healthViewSchema>;
/** An inference request that is under way. */
export type StartedRequest = DocumentOf<typeof startedRequestSchema>;
/** An inference request that has ended. */
export type FinishedRequest = DocumentOf<typeof finishedRequestSchema>;
/** `GET /requests`. */
export type RequestsView = DocumentOf<typeof requestsViewSchema>;
