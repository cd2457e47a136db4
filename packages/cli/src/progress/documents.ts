// Progress for programs: one JSON document per line, in the format of `GET /downloads/:id`.
import type { DownloadView } from '@lamina/core/protocol';
import { isSettled } from '../library.js';
import type { Printer } from '../printer.js';
import type { Progress } from './progress.js';

const minIntervalMs = 1_000;

/** At most one document per second, and one on every change of state. The last document is the command's result. */
export class Documents implements Progress {
  private state: DownloadView['state'] | undefined;
  private shownAt = -Infinity;

  constructor(
    private readonly printer: Printer,
    private readonly now: () => number,
  ) {}

  show(download: DownloadView): void {
    if (isSettled(download) || (download.state === this.state && this.now() - this.shownAt < minIntervalMs)) return;
    this.state = download.state;
    this.shownAt = this.now();
    this.printer.document(download);
  }

  end(): void {
    // Nothing to close.
  }
}
