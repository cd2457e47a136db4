// Progress for programs: the download as a JSON document a line, like those of `GET /downloads/:id`.
import type { DownloadView } from '@lamina/core/protocol';
import { isAtRest } from '../library.js';
import type { Printer } from '../printer.js';
import type { Progress } from './progress.js';

const pauseMs = 1_000;

/** One document a second at most, and one whenever the state changes. The last is the command's own answer. */
export class Documents implements Progress {
  private state: DownloadView['state'] | undefined;
  private toldAt = -Infinity;

  constructor(
    private readonly printer: Printer,
    private readonly now: () => number,
  ) {}

  show(download: DownloadView): void {
    if (isAtRest(download) || (download.state === this.state && this.now() - this.toldAt < pauseMs)) return;
    this.state = download.state;
    this.toldAt = this.now();
    this.printer.document(download);
  }

  end(): void {
    // Nothing is open.
  }
}
