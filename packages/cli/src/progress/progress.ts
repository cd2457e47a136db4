// How a download is shown while it runs.
import type { DownloadView } from '@lamina/core/protocol';

/** Shows one download. */
export interface Progress {
  /** Told of it as it is now, again and again. */
  show(download: DownloadView): void;
  /** Shows nothing more. Safe to call twice. */
  end(): void;
}
