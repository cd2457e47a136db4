// Progress where there is no terminal, as in a log: few lines.
import type { DownloadView } from '@lamina/core/protocol';
import { percent, showBytes, showSeconds } from '../amounts.js';
import type { Printer } from '../printer.js';
import { counted } from '../table.js';
import type { Progress } from './progress.js';

const step = 10;
const leastMs = 3_000;
const mostMs = 30_000;

/**
 * A line at the start; then one for every further tenth, but not more than one in three seconds; when it is slow, one
 * in thirty.
 */
export class Lines implements Progress {
  private tenth = 0;
  private toldAt: number;

  constructor(
    begun: DownloadView,
    private readonly printer: Printer,
    private readonly now: () => number,
  ) {
    printer.notice(`${title(begun)}.`);
    this.tenth = tenthOf(begun);
    this.toldAt = now();
  }

  show(download: DownloadView): void {
    const waited = this.now() - this.toldAt;
    if (download.state !== 'active' || waited < leastMs || (tenthOf(download) === this.tenth && waited < mostMs))
      return;
    this.tenth = tenthOf(download);
    this.toldAt = this.now();
    this.printer.notice(`${download.model}: ${amountOf(download)}`);
  }

  end(): void {
    // Nothing is open.
  }
}

/** What is fetched, from where. */
export function title({ model, source, files, total }: DownloadView): string {
  return `Pulling ${model} from ${source}: ${counted(files.length, 'file')}${total === undefined ? '' : `, ${showBytes(total)}`}`;
}

function tenthOf({ done, total }: DownloadView): number {
  return total === undefined ? 0 : Math.floor(percent(done, total) / step);
}

function amountOf({ done, total, bytes_per_second: speed, seconds_left: left }: DownloadView): string {
  const amount =
    total === undefined ? showBytes(done) : `${percent(done, total)} %, ${showBytes(done)} of ${showBytes(total)}`;
  return `${amount}, ${showBytes(speed)}/s${left === undefined ? '' : `, ${showSeconds(left)} left`}`;
}
