// Progress on a terminal: a bar for each file and one for the whole download.
import type { OutputStream } from '@lamina/config';
import cliProgress from 'cli-progress';
import type { DownloadFile } from '@lamina/core';
import type { DownloadView } from '@lamina/core/protocol';
import { percent, showBytes, showSeconds } from '../amounts.js';
import { stripControls, type Printer } from '../printer.js';
import { title } from './lines.js';
import type { Progress } from './progress.js';

const framesPerSecond = 10;
/** More files than this, or than the terminal has lines, are only counted. */
const maxFiles = 12;
/** Columns besides name and bar: ` 100 %  229.0 MB / 229.0 MB  24.1 MB/s  1 min 07 s`, and spaces. */
const amountsWidth = 52;
const barWidth = { min: 10, max: 30 };

/** The values of one line. */
interface Row {
  readonly name: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly note: string;
}

/** Bars whose last state stays on the screen. */
export class Bars implements Progress {
  private readonly bars: cliProgress.MultiBar;
  private readonly files: readonly cliProgress.SingleBar[];
  private readonly total: cliProgress.SingleBar;

  constructor(started: DownloadView, terminal: OutputStream, printer: Printer) {
    printer.notice(title(started));
    const { columns = 80, rows = 24 } = terminal;
    const files = started.files.length > 1 && started.files.length <= Math.min(maxFiles, rows - 4) ? started.files : [];
    const longest = Math.max(
      ...[totalRow(started, files.length), ...files.map(fileRow)].map(({ name }) => name.length),
    );
    const nameWidth = Math.min(longest, Math.max(8, columns - amountsWidth - barWidth.min));
    const barsize = Math.min(barWidth.max, Math.max(barWidth.min, columns - amountsWidth - nameWidth));
    const format: cliProgress.GenericFormatter = (options, { progress }, row) =>
      lineOf(row as Row, nameWidth, cliProgress.Format.BarFormat(progress, options));
    // Signals are handled in main.ts, which stops everything in an orderly way.
    this.bars = new cliProgress.MultiBar({
      stream: terminal as NodeJS.WritableStream,
      fps: framesPerSecond,
      hideCursor: true,
      gracefulExit: false,
      linewrap: false,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize,
      format,
    });
    this.files = files.map((file) => this.bars.create(1, 0, fileRow(file)));
    this.total = this.bars.create(1, 0, totalRow(started, files.length));
    this.show(started);
  }

  show(download: DownloadView): void {
    this.files.forEach((bar, index) => draw(bar, fileRow(download.files[index]!)));
    draw(this.total, totalRow(download, this.files.length));
  }

  end(): void {
    if (this.bars.isActive) this.bars.stop();
  }
}

function draw(bar: cliProgress.SingleBar, row: Row): void {
  const { done, total } = row;
  bar.update(total === undefined ? 0 : total === 0 ? 1 : done / total, row);
}

function lineOf({ name, done, total, note }: Row, width: number, bar: string): string {
  const amount =
    total === undefined
      ? showBytes(done)
      : `${String(percent(done, total)).padStart(3)} %  ${showBytes(done)} / ${showBytes(total)}`;
  return `${fitName(stripControls(name), width)}  ${bar} ${amount}  ${note}`.trimEnd();
}

/** Shortens a long name in the middle; more of its end is kept, where shards differ: `tiny-Q8…00001-of-00003.gguf`. */
function fitName(name: string, width: number): string {
  const start = Math.floor(width / 3);
  return name.length > width ? `${name.slice(0, start)}…${name.slice(start + 1 - width)}` : name.padEnd(width);
}

function fileRow({ path, done, total, state }: DownloadFile): Row {
  const notes = { waiting: 'waiting', fetching: '', fetched: 'checking', verified: '', placed: '' };
  return { name: path, done, total, note: notes[state] };
}

function totalRow(download: DownloadView, shown: number): Row {
  const { model, files, done, total, state, bytes_per_second: speed, seconds_left: left } = download;
  const complete = files.filter((file) => file.state === 'verified' || file.state === 'placed').length;
  const counts = shown === 0 && files.length > 1 ? [`${complete} of ${files.length} files`] : [];
  const fetching = state === 'active' && done !== total;
  const pace = fetching
    ? [`${showBytes(speed)}/s`, ...(left === undefined ? [] : [showSeconds(left)])]
    : state === 'active'
      ? ['checking']
      : state === 'queued'
        ? ['queued']
        : [];
  return { name: shown === 0 ? model : 'total', done, total, note: [...pace, ...counts].join('  ') };
}
