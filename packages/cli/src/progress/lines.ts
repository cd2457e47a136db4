// Progress without a terminal, for example in a log: a few lines.
import type { DownloadView } from '@lamina/core/protocol';
import { percent, showBytes, showSeconds } from '../amounts.js';
import type { Printer } from '../printer.js';
import { counted } from '../table.js';
import type { Progress } from './progress.js';

const stepPercent = 10;
const minIntervalMs = 3_000;
const maxIntervalMs = 30_000;

/** A line at the start, then one for every further tenth, at most every 3 seconds and at least every 30 seconds. */
export class Lines implements Progress {
  private tenths = 0;
  private shownAt: number;

  constructor(
    started: DownloadView,
    private readonly printer: Printer,
    private readonly now: () => number,
  ) {
    printer.notice(`${title(started)}.`);
    this.tenths = tenthsOf(started);
    this.shownAt = now();
  }

  show(download: DownloadView): void {
    const waited = this.now() - this.shownAt;
    if (
      download.state !== 'active' ||
      waited < minIntervalMs ||
      (tenthsOf(download) === this.tenths && waited < maxIntervalMs)
    )
      return;
    this.tenths = tenthsOf(download);
    this.shownAt = this.now();
    this.printer.notice(`${download.model}: ${amountOf(download)}`);
  }

  end(): void {
    // Nothing to close.
  }
}

/** What is downloaded, and from which source. */
export function title({ model, source, files, total }: DownloadView): string {
  return `Pulling ${model} from ${source}: ${counted(files.length, 'file')}${total === undefined ? '' : `, ${showBytes(total)}`}`;
}

function tenthsOf({ done, total }: DownloadView): number {
  return total === undefined ? 0 : Math.floor(percent(done, total) / stepPercent);
}

function amountOf({ done, total, bytes_per_second: speed, seconds_left: left }: DownloadView): string {
  const amount =
    total === undefined ? showBytes(done) : `${percent(done, total)} %, ${showBytes(done)} of ${showBytes(total)}`;
  return `${amount}, ${showBytes(speed)}/s${left === undefined ? '' : `, ${showSeconds(left)} left`}`;
}
