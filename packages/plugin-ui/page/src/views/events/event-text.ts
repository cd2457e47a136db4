// What happened, in one line, for each type of event.
import type { EventType, LaminaEvent, UnknownEvent } from '@lamina/client';
import { formatBytes, formatDuration, formatNumber, formatRatio, formatSpeed } from '../../format.js';
import { withoutControls } from '../../plain-text.js';

type Sentences = { readonly [Type in EventType]: (event: LaminaEvent<Type>) => string };

const sentences: Sentences = {
  'model.discovered': ({ model }) => `${model} was found`,
  'model.updated': ({ model }) => `${model} changed`,
  'model.removed': ({ model }) => `${model} was removed`,
  'model.state': ({ model, from, to }) => `${model}: ${from} → ${to}`,
  'model.progress': ({ model, stage, ratio }) => `${model}: ${progress(stage, ratio)}`,
  'model.ready': ({ model, backend, load_ms: ms }) =>
    `${model} is ready, loaded by ${backend} in ${formatDuration(ms)}`,
  'model.failed': ({ model, error }) => `${model}: ${error.message}`,
  'model.stopped': ({ model, reason }) => `${model} was stopped (${reason})`,
  'backend.progress': ({ backend, stage, ratio }) => `${backend}: ${progress(stage, ratio)}`,
  'backend.installed': ({ backend, ms }) => `${backend} was installed in ${formatDuration(ms)}`,
  'manifest.changed': ({ added, changed, removed }) => sentenceOf({ added, changed, removed }),
  'manifest.invalid': ({ error }) => error.message,
  'download.queued': ({ model }) => `${model} waits to be downloaded`,
  'download.started': ({ model, source, total }) =>
    `${model} is downloaded from ${source}${total === undefined ? '' : `, ${formatBytes(total)}`}`,
  'download.progress': ({ model, done, total }) =>
    `${model}: ${formatBytes(done)}${total === undefined ? '' : ` of ${formatBytes(total)}`}`,
  'download.verified': ({ model }) => `The files of ${model} are complete`,
  'download.finished': ({ model, bytes, ms }) =>
    `${model} was downloaded, ${formatBytes(bytes)} in ${formatDuration(ms)}`,
  'download.failed': ({ model, error }) => `${model}: ${error.message}`,
  'download.cancelled': ({ model }) => `The download of ${model} was cancelled`,
  'download.paused': ({ model }) => `The download of ${model} was paused`,
  'queue.position': ({ model, position }) => `A request for ${model} is number ${formatNumber(position)} in the queue`,
  'request.started': ({ model, route, via, key }) =>
    `${model}: ${route} over ${via}${key === undefined ? '' : ` with the key ${key}`}`,
  'request.finished': finished,
  'log.line': ({ model, text }) => `${model}: ${text}`,
  'plugin.failed': ({ plugin, hook, message }) => `${plugin}, ${hook}: ${message}`,
};

/** What happened. Of types that the page does not know, the fields. */
export function eventText(event: UnknownEvent): string {
  const { id: _id, at: _at, type, ...fields } = event;
  const sentence = Object.hasOwn(sentences, type) ? sentences[type as EventType] : () => sentenceOf(fields);
  return withoutControls(sentence(event as never));
}

function finished({ model, route, status, ms, error, ...event }: LaminaEvent<'request.finished'>): string {
  const parts = [`${model}: ${route}`, String(status), formatDuration(ms)];
  if (event.completion_tokens !== undefined) parts.push(`${formatNumber(event.completion_tokens)} tokens`);
  if (event.tokens_per_second !== undefined) parts.push(formatSpeed(event.tokens_per_second));
  if (error !== undefined) parts.push(error.message);
  return parts.join(' · ');
}

function progress(stage: string, ratio: number | undefined): string {
  return ratio === undefined ? stage : `${stage} ${formatRatio(ratio)}`;
}

/** `added: a, b · removed: c`; empty lists are left out. */
function sentenceOf(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .map(([name, value]) => `${name}: ${fieldText(value)}`)
    .join(' · ');
}

function fieldText(value: unknown): string {
  if (Array.isArray(value)) return value.map(fieldText).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
