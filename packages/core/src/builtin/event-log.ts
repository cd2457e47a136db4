// Writes a log line for each event that matters to people.
import type { Logger } from '../contract/context.js';
import type { StopReason } from '../contract/backends.js';
import type { ErrorCode } from '../contract/error-table.js';
import type { Events, EventType, LaminaEvent } from '../contract/events.js';
import type { Models } from '../contract/models.js';
import { showSize } from '../kernel/sizes.js';
import { showNames, showTime } from './amounts.js';

type Level = 'debug' | 'info' | 'warn' | 'error';

/** One log line: the message is for people, the fields are for programs. */
interface Line {
  readonly level: Level;
  readonly message: string;
  /** Instead of the fields of the event. */
  readonly fields?: object;
}

const reasons: Readonly<Record<StopReason, string>> = {
  requested: 'on request',
  idle: 'it was idle',
  evicted: 'another model needs its memory',
  changed: 'its manifest entry or files changed',
  removed: 'it was removed',
  unhealthy: 'it no longer works',
  abandoned: 'no request waits for it, and another model needs its memory',
  shutdown: 'Lamina is shutting down',
};

/**
 * The line for each type of event; `undefined` where another line reports it: `plugin.failed` is logged with its cause
 * where it happens, each tenth of an installation by the installation, changes of the models once for all of them, and a
 * request when it has finished.
 * No line contains text of clients or engines, except the output of engines at `debug`.
 */
const lines: { readonly [Type in EventType]: ((event: LaminaEvent<Type>) => Line | undefined) | undefined } = {
  'model.discovered': undefined,
  'model.updated': undefined,
  'model.removed': undefined,
  'backend.progress': undefined,
  'manifest.changed': undefined,
  'plugin.failed': undefined,
  'request.started': undefined,
  'manifest.invalid': ({ error }) => ({
    level: 'error',
    message: `The manifest is not valid; the previous one stays in use: ${error.message}`,
    fields: { code: error.code },
  }),
  'model.state': stateLine,
  'model.progress': ({ model, stage, ratio }) => ({
    level: 'debug',
    message: `Model "${model}": ${stage}${ratio === undefined ? '' : ` ${Math.floor(ratio * 100)} %`}`,
  }),
  'model.ready': ({ model, backend, load_ms }) => ({
    level: 'info',
    message: `Model "${model}" is ready after ${showTime(load_ms)} on ${backend}`,
  }),
  'backend.installed': ({ backend, ms }) => ({
    level: 'info',
    message: `Installed the engine of the backend ${backend} in ${showTime(ms)}`,
  }),
  'model.failed': failureLine,
  'model.stopped': ({ model, reason }) => ({
    level: reason === 'unhealthy' ? 'warn' : 'info',
    message: `Stopped model "${model}": ${reasons[reason as StopReason] ?? reason}`,
  }),
  'download.queued': ({ model }) => ({ level: 'debug', message: `Queued the download of "${model}"` }),
  'download.started': ({ model, source, total }) => ({
    level: 'info',
    message: `Downloading "${model}" from the source "${source}"${total === undefined ? '' : `, ${showSize(total)}`}`,
  }),
  'download.progress': ({ model, done, total }) => ({
    level: 'debug',
    message: `Downloading "${model}": ${showSize(done)}${total === undefined ? '' : ` of ${showSize(total)}`}`,
  }),
  'download.verified': ({ model }) => ({
    level: 'debug',
    message: `The files of "${model}" are complete and verified`,
  }),
  'download.finished': ({ model, bytes, ms }) => ({
    level: 'info',
    message: `Downloaded "${model}": ${showSize(bytes)} in ${showTime(ms)}`,
  }),
  'download.failed': downloadFailureLine,
  'download.cancelled': ({ model }) => ({ level: 'info', message: `Cancelled the download of "${model}"` }),
  'download.paused': ({ model }) => ({ level: 'info', message: `Paused the download of "${model}"` }),
  'queue.position': ({ request, model, position }) => ({
    level: 'debug',
    message: `Request ${shortId(request)} waits for "${model}", at position ${position}`,
  }),
  'request.finished': requestLine,
  'log.line': ({ model, text }) => ({ level: 'debug', message: `${model}: ${text}` }),
};

/** Logs events until the returned function is called. */
export function logEvents(events: Events, log: Logger): () => void {
  return events.onAny((event) => {
    const line = (lines[event.type] as ((event: LaminaEvent) => Line | undefined) | undefined)?.(event);
    if (line !== undefined) log[line.level]({ event: event.type, ...(line.fields ?? fieldsOf(event)) }, line.message);
  });
}

/** Logs changes of the models until the returned function is called. */
export function logModelChanges(models: Pick<Models, 'onChange'>, log: Logger): () => void {
  return models.onChange(({ added, changed, removed }) => {
    const parts = Object.entries({ added, changed, removed }).filter(([, names]) => names.length > 0);
    if (parts.length === 0) return;
    const message = `Models changed: ${parts.map(([what, names]) => `${what} ${showNames(names)}`).join('; ')}`;
    log.info(
      { event: 'models.changed', added: added.length, changed: changed.length, removed: removed.length },
      message,
    );
  });
}

function stateLine({ model, from, to }: LaminaEvent<'model.state'>): Line {
  if (to === 'starting') return { level: 'info', message: `Starting model "${model}"` };
  if (to === 'sleeping') return { level: 'info', message: `Model "${model}" sleeps because it was idle` };
  if (to === 'waking') return { level: 'info', message: `Waking model "${model}"` };
  if (to === 'degraded') return { level: 'warn', message: `Model "${model}" failed its health check` };
  if (from === 'degraded' && to === 'ready')
    return { level: 'info', message: `Model "${model}" passes its health checks again` };
  return { level: 'debug', message: `Model "${model}" goes from ${from} to ${to}` };
}

/**
 * A failed start, or an engine that ended unexpectedly. Internal errors are logged where they are caught, with their
 * cause.
 */
function failureLine({ error, ...about }: LaminaEvent<'model.failed'>): Line | undefined {
  if (error.code === 'INTERNAL') return undefined;
  const { reason } = (error.details ?? {}) as { reason?: string };
  const message =
    error.code === 'MODEL_SERVER_EXITED'
      ? `The engine of model "${about.model}" ended unexpectedly: ${reason}`
      : error.message;
  return { level: 'error', message, fields: fieldsOf(about, { code: error.code, reason: reason ?? error.message }) };
}

function downloadFailureLine({ error, ...about }: LaminaEvent<'download.failed'>): Line | undefined {
  if (error.code === 'INTERNAL') return undefined;
  const fields = fieldsOf(about, { code: error.code, reason: error.message });
  return { level: 'error', message: `The download of "${about.model}" failed: ${error.message}`, fields };
}

function requestLine({ usage: _usage, ...ended }: LaminaEvent<'request.finished'>): Line {
  const { error, ...about } = ended;
  const { request, route, model, key, status } = about;
  const why = error === undefined ? {} : { code: error.code, ...(status < 500 ? {} : { reason: error.message }) };
  const from = key === undefined ? '' : ` of key "${key}"`;
  return {
    level: status >= 500 ? 'error' : 'info',
    message: `Request ${shortId(request)}${from} ${route} "${model}": ${howItEnded(ended)}`,
    fields: fieldsOf(about, why),
  };
}

/** Errors whose cause was logged in a line of its own before. */
const loggedBefore: ReadonlySet<string> = new Set<ErrorCode>([
  'MODEL_FILES_MISSING',
  'BACKEND_UNAVAILABLE',
  'BACKEND_UNREACHABLE',
  'OUT_OF_MEMORY',
  'MODEL_START_FAILED',
  'MODEL_SERVER_EXITED',
  'MODEL_STOPPED',
  'SHUTTING_DOWN',
]);

function howItEnded(ended: Omit<LaminaEvent<'request.finished'>, 'usage'>): string {
  const { status, ms, cut, error } = ended;
  const time = showTime(ms);
  if (status === 499) return `cancelled by the client after ${time}`;
  const code = error === undefined ? `${status}` : `${status} ${error.code}`;
  const reason = error === undefined || status < 500 || loggedBefore.has(error.code) ? '' : `: ${error.message}`;
  if (cut === true) return `${code}, the response broke off after ${time}${reason}`;
  const count = ended.completion_tokens ?? ended.prompt_tokens;
  return `${code} in ${time}${count === undefined ? '' : `, ${count} tokens`}${reason}`;
}

/** The start of an id, enough to find a request. */
function shortId(request: string): string {
  return request.slice(0, 8);
}

/** The fields of an event, without those that every log line has anyway. */
function fieldsOf(event: object, ...more: object[]): object {
  const { id: _id, at: _at, type: _type, ...fields } = event as Record<string, unknown>;
  return Object.assign(fields, ...more) as object;
}
