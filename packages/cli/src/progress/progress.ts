// The interface of all ways to show progress.
import type { DownloadView } from '@lamina/core/protocol';

/** Shows the progress of one download. */
export interface Progress {
  /** Called with each new state of the download. */
  show(download: DownloadView): void;
  /** Stops showing progress. Safe to call twice. */
  end(): void;
}
