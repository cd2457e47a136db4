// The facts Lamina tells: one map that types them for in-process listeners, WebSocket and SSE alike. Only core emits.
import type { FromSchema, Schema } from './schema.js';

const string = { type: 'string' } as const;
const number = { type: 'number' } as const;
const model = { model: string } as const;
const download = { download: string, model: string } as const;
/** An error as it is on the wire. */
export const errorSchema = {
  type: 'object',
  properties: { message: string, type: string, code: string, param: string, details: { type: 'object' } },
  required: ['message', 'type', 'code'],
} as const;
const error = errorSchema;
const state = {
  enum: ['stopped', 'queued', 'starting', 'ready', 'sleeping', 'waking', 'degraded', 'stopping', 'failed'],
} as const;

/**
 * Type of event → when it happens and the schema of its own fields; each event also has `id`, `at` and `type`. JSON,
 * snake_case.
 */
export const eventSchemas = {
  'model.discovered': {
    description: 'A model is known that was not: a reload of the manifest, or a look at the folders, brought it.',
    type: 'object',
    properties: { ...model },
    required: ['model'],
  },
  'model.updated': {
    description: 'What is known of a model changed.',
    type: 'object',
    properties: { ...model },
    required: ['model'],
  },
  'model.removed': {
    description: 'A model is no longer known.',
    type: 'object',
    properties: { ...model },
    required: ['model'],
  },
  'model.state': {
    description: 'The slot of a model went from one state to another.',
    type: 'object',
    properties: { ...model, from: state, to: state },
    required: ['model', 'from', 'to'],
  },
  'model.progress': {
    description: 'How far the start of a model is; the ratio is from 0 to 1.',
    type: 'object',
    properties: { ...model, stage: string, ratio: number },
    required: ['model', 'stage'],
  },
  'model.ready': {
    description: 'A model is ready for requests.',
    type: 'object',
    properties: { ...model, backend: string, load_ms: number },
    required: ['model', 'backend', 'load_ms'],
  },
  'model.failed': {
    description: 'A start failed, or a running model ended unasked.',
    type: 'object',
    properties: { ...model, error },
    required: ['model', 'error'],
  },
  'model.stopped': {
    description: 'A model was stopped, and its process is gone.',
    type: 'object',
    properties: { ...model, reason: string },
    required: ['model', 'reason'],
  },
  'manifest.changed': {
    description: 'The manifest was read again and changed what is known; the names are those of models.',
    type: 'object',
    properties: {
      added: { type: 'array', items: string },
      changed: { type: 'array', items: string },
      removed: { type: 'array', items: string },
    },
    required: ['added', 'changed', 'removed'],
  },
  'manifest.invalid': {
    description: 'The manifest was read again and is wrong; what was loaded before stays.',
    type: 'object',
    properties: { error },
    required: ['error'],
  },
  'download.queued': {
    description: 'A download was accepted.',
    type: 'object',
    properties: { ...download },
    required: ['download', 'model'],
  },
  'download.started': {
    description: 'A download fetches its first bytes; `total` is its size in bytes, where the source says it.',
    type: 'object',
    properties: { ...download, source: string, total: number },
    required: ['download', 'model', 'source'],
  },
  'download.progress': {
    description: 'How far a download is, in bytes.',
    type: 'object',
    properties: { ...download, done: number, total: number, bytes_per_second: number },
    required: ['download', 'model', 'done'],
  },
  'download.verified': {
    description: 'The files of a download are those that were promised.',
    type: 'object',
    properties: { ...download },
    required: ['download', 'model'],
  },
  'download.finished': {
    description: 'The model of a download can be used; `ms` is the time since the download last started.',
    type: 'object',
    properties: { ...download, bytes: number, ms: number },
    required: ['download', 'model', 'bytes', 'ms'],
  },
  'download.failed': {
    description: 'A download gave up.',
    type: 'object',
    properties: { ...download, error },
    required: ['download', 'model', 'error'],
  },
  'download.cancelled': {
    description: 'A download was cancelled.',
    type: 'object',
    properties: { ...download },
    required: ['download', 'model'],
  },
  'download.paused': {
    description: 'A download was paused.',
    type: 'object',
    properties: { ...download },
    required: ['download', 'model'],
  },
  'queue.position': {
    description: 'The place of a waiting request changed; 1 is next.',
    type: 'object',
    properties: { ...model, request: string, position: number },
    required: ['model', 'request', 'position'],
  },
  'request.finished': {
    description:
      'An inference request has ended, well or not; also one that was refused, or waited in vain. `error` says why it failed, `cut` that its answer had begun.',
    type: 'object',
    properties: {
      ...model,
      request: string,
      route: string,
      status: number,
      ms: number,
      usage: { type: 'object' },
      error,
      cut: { type: 'boolean' },
    },
    required: ['model', 'request', 'route', 'status', 'ms'],
  },
  'log.line': {
    description: 'An engine printed a line.',
    type: 'object',
    properties: { ...model, stream: { enum: ['stdout', 'stderr'] }, text: string },
    required: ['model', 'stream', 'text'],
  },
  'plugin.failed': {
    description: 'A tap of a plugin threw, took too long or returned null.',
    type: 'object',
    properties: { plugin: string, hook: string, message: string },
    required: ['plugin', 'hook', 'message'],
  },
} as const satisfies Record<string, Schema>;

/** A type of event: `noun.verb`. */
export type EventType = keyof typeof eventSchemas;

/** The own fields of an event. */
export type EventData<Type extends EventType> = FromSchema<(typeof eventSchemas)[Type]>;

/** An event as everybody receives it. */
export type LaminaEvent<Type extends EventType = EventType> = {
  [T in Type]: {
    /** `<session>-<number>`; numbers grow by one. */ readonly id: string;
    /** ISO 8601. */ readonly at: string;
    readonly type: T;
  } & EventData<T>;
}[Type];

/** The last events, and those to come. */
export interface Events {
  /**
   * Hears one type of event; the answer stops listening. A listener that throws is logged, the others hear the event
   * all the same.
   */
  on<Type extends EventType>(type: Type, listener: (event: LaminaEvent<Type>) => void): () => void;
  /** Hears every event. */
  onAny(listener: (event: LaminaEvent) => void): () => void;
  /**
   * Resolves with the next event of a type, that a condition accepts when one is given.
   * @throws LaminaError `ABORTED`
   */
  once<Type extends EventType>(
    type: Type,
    options: { signal: AbortSignal; where?: (event: LaminaEvent<Type>) => boolean },
  ): Promise<LaminaEvent<Type>>;
  /**
   * The events after an id, oldest first; `undefined` when some of them are gone or the id is of another session.
   * Progress and log lines are not kept.
   */
  since(id: string): readonly LaminaEvent[] | undefined;
  /** The id of the newest event that is kept. */
  readonly last: string;
  /** The oldest id that `since` can be asked for. */
  readonly oldest: string;
}
