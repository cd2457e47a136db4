// The list of requests: how it grows, and which of it a filter lets through.
import type { FinishedRequest, RequestsView, StartedRequest } from '@lamina/core/protocol';
import { hasWords } from '../../words.js';

/** How many finished requests are kept, as by the server. */
const kept = 500;

/** A request: without `status` while it runs. */
export type RequestEntry = StartedRequest & Partial<FinishedRequest>;

/** How a request stands or ended. `cancelled`: its client left. */
export type Outcome = 'running' | 'answered' | 'cancelled' | 'failed';

/** What is shown. Empty texts let everything through. */
export interface RequestFilter {
  readonly model: string;
  readonly status: 'all' | 'running' | 'failed';
  readonly text: string;
}

/** The list after another reading, of the requests after the last one that was known. */
export function addRequests(known: RequestsView | undefined, read: RequestsView): RequestsView {
  if (known === undefined || !read.complete) return read;
  return { ...read, finished: [...known.finished, ...read.finished].slice(-kept) };
}

/** All requests: those that run, the newest first, then those that have ended, the last one first. */
export function entriesOf({ running, finished }: RequestsView): readonly RequestEntry[] {
  return [...running.toReversed(), ...finished.toReversed()];
}

/** How a request stands or ended. */
export function outcomeOf({ status, error }: RequestEntry): Outcome {
  if (status === undefined) return 'running';
  if (status === 499) return 'cancelled';
  return status >= 400 || error !== undefined ? 'failed' : 'answered';
}

/** The names of the models, in their order. */
export function modelsOf(entries: readonly RequestEntry[]): readonly string[] {
  return [...new Set(entries.map(({ model }) => model))].sort((a, b) => a.localeCompare(b));
}

/** Those that the filter lets through. All words of its text must occur in what is known of a request. */
export function filterRequests(
  entries: readonly RequestEntry[],
  { model, status, text }: RequestFilter,
): readonly RequestEntry[] {
  return entries.filter(
    (entry) =>
      (model === '' || entry.model === model) &&
      (status === 'all' || outcomeOf(entry) === status) &&
      (text === '' || hasWords(searchedText(entry), text)),
  );
}

/** How many requests have ended that a list from before does not have. */
export function endedSince(before: RequestsView, now: RequestsView): number {
  const last = before.finished.at(-1)?.id;
  return now.finished.length - (now.finished.findIndex(({ id }) => id === last) + 1);
}

function searchedText(entry: RequestEntry): string {
  const { model, answered_by, route, request, via, key, status, finish_reason, error } = entry;
  return [model, answered_by, route, request, via, key, status, outcomeOf(entry), finish_reason]
    .concat(error?.code, error?.message)
    .join('\n');
}
