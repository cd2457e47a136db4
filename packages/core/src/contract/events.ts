// The events of Lamina: one table of schemas for in-process listeners, WebSocket and SSE. Only core emits these; plugins
// emit events of their own.
import type { DocumentOf, Schema } from './schema.js';

const string = { type: 'string' } as const;
const number = { type: 'number' } as const;
const model = { model: string } as const;
const download = { download: string, model: string } as const;
/** An error in JSON. */
export const errorSchema = {
  description: "An error, in the format of OpenAI's API.",
  type: 'object',
  properties: {
    message: string,
    type: { ...string, description: "The error type of OpenAI's API, such as `invalid_request_error`." },
    code: { ...string, description: "A code of Lamina, or the engine's own code for an error of the engine." },
    param: { ...string, description: 'The invalid field of the request.' },
    details: { type: 'object', additionalProperties: true },
  },
  required: ['message', 'type', 'code'],
} as const;
const error = errorSchema;
const request = {
  ...model,
  /** Its id, which is also in the log and in the response header `x-request-id`. */
  request: string,
  /** What comes after `/v1/`. */
  route: string,
  via: { enum: ['process', 'http', 'websocket'] },
  /** The name of the caller's API key. */
  key: string,
  /** Whether the client asked for a stream. */
  stream: { type: 'boolean' },
} as const;
/** The state of a slot. */
export const slotStateSchema = {
  enum: ['stopped', 'queued', 'starting', 'ready', 'sleeping', 'waking', 'degraded', 'stopping', 'failed'],
} as const;
const state = slotStateSchema;

/**
 * Type of event → description and schema of its own fields, JSON in snake_case. Each event also has `id`, `at` and
 * `type`.
 */
export const eventSchemas = {
  'model.discovered': {
    description: 'A model was found in the manifest or in a folder.',
    type: 'object',
    properties: { ...model },
    required: ['model'],
  },
  'model.updated': {
    description: 'The entry or the files of a model changed.',
    type: 'object',
    properties: { ...model },
    required: ['model'],
  },
  'model.removed': {
    description: 'A model was removed from the manifest, or its files were.',
    type: 'object',
    properties: { ...model },
    required: ['model'],
  },
  'model.state': {
    description: 'The state of a model changed.',
    type: 'object',
    properties: { ...model, from: state, to: state },
    required: ['model', 'from', 'to'],
  },
  'model.progress': {
    description: 'The progress of a start; `ratio` is from 0 to 1.',
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
    description: 'A model failed to start, or its engine exited unexpectedly.',
    type: 'object',
    properties: { ...model, error },
    required: ['model', 'error'],
  },
  'model.stopped': {
    description: 'A model was stopped, and its process has ended.',
    type: 'object',
    properties: { ...model, reason: string },
    required: ['model', 'reason'],
  },
  'backend.progress': {
    description: 'The progress of the installation of an engine; `ratio` is from 0 to 1.',
    type: 'object',
    properties: { backend: string, stage: string, ratio: number },
    required: ['backend', 'stage'],
  },
  'backend.installed': {
    description: 'The engine of a backend was installed.',
    type: 'object',
    properties: { backend: string, ms: number },
    required: ['backend', 'ms'],
  },
  'manifest.changed': {
    description: 'The manifest was reloaded with changes; the names are names of models.',
    type: 'object',
    properties: {
      added: { type: 'array', items: string },
      changed: { type: 'array', items: string },
      removed: { type: 'array', items: string },
    },
    required: ['added', 'changed', 'removed'],
  },
  'manifest.invalid': {
    description: 'The manifest was reloaded and is invalid; the last valid one stays in use.',
    type: 'object',
    properties: { error },
    required: ['error'],
  },
  'download.queued': {
    description: 'A download was created.',
    type: 'object',
    properties: { ...download },
    required: ['download', 'model'],
  },
  'download.started': {
    description: 'A download has started; `total` is its size in bytes, when it is known.',
    type: 'object',
    properties: { ...download, source: string, total: number },
    required: ['download', 'model', 'source'],
  },
  'download.progress': {
    description: 'The progress of a download, in bytes.',
    type: 'object',
    properties: { ...download, done: number, total: number, bytes_per_second: number },
    required: ['download', 'model', 'done'],
  },
  'download.verified': {
    description: 'The files of a download are complete and verified.',
    type: 'object',
    properties: { ...download },
    required: ['download', 'model'],
  },
  'download.finished': {
    description: 'A download is complete, and its model can be used; `ms` is the time since it last started.',
    type: 'object',
    properties: { ...download, bytes: number, ms: number },
    required: ['download', 'model', 'bytes', 'ms'],
  },
  'download.failed': {
    description: 'A download failed.',
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
    description: 'The position of a waiting request changed; 1 is next.',
    type: 'object',
    properties: { ...model, request: string, position: number },
    required: ['model', 'request', 'position'],
  },
  'request.started': {
    description:
      'An inference request was read; `request.finished` with the same id follows. `model` is the name that the client used.',
    type: 'object',
    properties: { ...request },
    required: ['model', 'request', 'route', 'via', 'stream'],
  },
  'request.finished': {
    description:
      'An inference request has ended, also one that was refused or timed out in the queue. `error` is why it failed; `cut` is true when the answer had begun. `queue_ms` is the time in the queue, `load_ms` the time the model took to load for this request, `ttft_ms` the time to the first byte of the answer, `ms` the whole time. `answered_by` is the model that answered, when that is not `model`: the one that a preset is of, or a fallback. The token counts are missing when the engine does not tell them: of some engines only while a plugin needs usage.',
    type: 'object',
    properties: {
      ...request,
      answered_by: string,
      status: number,
      ms: number,
      queue_ms: number,
      load_ms: number,
      ttft_ms: number,
      prompt_tokens: number,
      cached_tokens: number,
      completion_tokens: number,
      tokens_per_second: number,
      finish_reason: string,
      usage: { type: 'object' },
      error,
      cut: { type: 'boolean' },
    },
    required: ['model', 'request', 'route', 'via', 'stream', 'status', 'ms'],
  },
  'log.line': {
    description: 'An engine printed a line.',
    type: 'object',
    properties: { ...model, stream: { enum: ['stdout', 'stderr'] }, text: string },
    required: ['model', 'stream', 'text'],
  },
  'plugin.failed': {
    description: 'A tap of a plugin failed: it threw an error, timed out or returned null.',
    type: 'object',
    properties: { plugin: string, hook: string, message: string },
    required: ['plugin', 'hook', 'message'],
  },
} as const satisfies Record<string, Schema>;

/** The type of an event: `noun.verb`. */
export type EventType = keyof typeof eventSchemas;

/** The fields of an event besides `id`, `at` and `type`. */
export type EventData<Type extends EventType> = EventFields[Type];

type EventFields = { readonly [Type in EventType]: DocumentOf<(typeof eventSchemas)[Type]> };

/** An event as listeners receive it. */
export type LaminaEvent<Type extends EventType = EventType> = {
  [T in Type]: {
    /** `<session>-<number>`; the number increases by one per event. */ readonly id: string;
    /** ISO 8601. */ readonly at: string;
    readonly type: T;
  } & EventData<T>;
}[Type];

/** An event of a plugin: its type begins with the name of the plugin and a dot, its fields are the plugin's own. */
export interface PluginEvent {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The event bus. */
export interface Events {
  /**
   * Adds a listener for one type of event, and returns a function that removes it. An error that a listener throws is
   * logged, and does not affect other listeners.
   * @example
   * ```ts
   * const stop = lamina.events.on('model.ready', ({ model, load_ms }) => console.log(model, load_ms));
   * ```
   */
  on<Type extends EventType>(type: Type, listener: (event: LaminaEvent<Type>) => void): () => void;
  /**
   * As above, for an event of a plugin.
   * @example
   * ```ts
   * lamina.events.on('guard.limited', ({ key }) => console.log(key));
   * ```
   */
  on(type: `${string}.${string}`, listener: (event: PluginEvent) => void): () => void;
  /**
   * Adds a listener for all events, also those of plugins, whose types are not in `EventType`; returns a function that
   * removes it.
   * @example
   * ```ts
   * const stop = lamina.events.onAny(({ id, type }) => console.log(id, type));
   * ```
   */
  onAny(listener: (event: LaminaEvent) => void): () => void;
  /**
   * Resolves with the next event of a type, or the next one that `where` accepts.
   * @throws LaminaError `ABORTED`
   * @example
   * ```ts
   * const where = ({ model }: { model: string }) => model === 'tiny';
   * const { load_ms } = await lamina.events.once('model.ready', { signal, where });
   * ```
   */
  once<Type extends EventType>(
    type: Type,
    options: { signal: AbortSignal; where?: (event: LaminaEvent<Type>) => boolean },
  ): Promise<LaminaEvent<Type>>;
  /**
   * The events after an id, oldest first; `undefined` when some of them are no longer kept, or the id is of another
   * session. The last 1,000 events are kept, without progress, queue positions and log lines.
   * @example
   * ```ts
   * const missed = lamina.events.since(lastSeen) ?? [];
   * ```
   */
  since(id: string): readonly LaminaEvent[] | undefined;
  /** The id of the newest kept event. */
  readonly last: string;
  /** The oldest id that `since` accepts. */
  readonly oldest: string;
}
