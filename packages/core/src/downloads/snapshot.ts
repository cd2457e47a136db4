// What a download looks like from outside: its state, and the sums of its files.
import type { Download, DownloadFile, DownloadState } from '../contract/downloads.js';
import type { LaminaError } from '../contract/errors.js';
import type { EventData } from '../contract/events.js';
import type { DownloadJournal } from './download-journal.js';

/** What a snapshot shows besides the journal. */
interface Progress {
  readonly state: DownloadState;
  readonly error: LaminaError | undefined;
  readonly files: readonly DownloadFile[];
  readonly bytesPerSecond: number;
}

/** A snapshot of a download. */
export function snapshotOf(
  { id, model, plan, createdAt }: DownloadJournal,
  { state, error, files, bytesPerSecond }: Progress,
): Download {
  const done = files.reduce((sum, file) => sum + file.done, 0);
  const total = files.reduce<number | undefined>(
    (sum, file) => (sum === undefined || file.total === undefined ? undefined : sum + file.total),
    0,
  );
  const isPredictable = total !== undefined && bytesPerSecond > 0;
  return Object.freeze({
    id,
    model,
    source: plan.source,
    reference: plan.reference,
    state,
    done,
    ...(total === undefined ? {} : { total }),
    bytesPerSecond,
    ...(isPredictable ? { secondsLeft: Math.round((total - done) / bytesPerSecond) } : {}),
    files,
    ...(error === undefined ? {} : { error: error.toWire() }),
    createdAt,
  });
}

/** The event about the progress of a download. */
export function progressOf({ id, model, done, total, bytesPerSecond }: Download): EventData<'download.progress'> {
  return { download: id, model, done, ...(total === undefined ? {} : { total }), bytes_per_second: bytesPerSecond };
}
