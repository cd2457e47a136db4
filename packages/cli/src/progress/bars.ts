// Progress on a terminal: a bar for each file and one for all of them.
import type { Writable } from 'node:stream';
import cliProgress from 'cli-progress';
import type { DownloadFile } from '@lamina/core';
import type { DownloadView } from '@lamina/core/protocol';
import { percent, showBytes, showSeconds } from '../amounts.js';
import { harmless, type Printer } from '../printer.js';
import { title } from './lines.js';
import type { Progress } from './progress.js';

const framesPerSecond = 10;
/** More files than these, or than the terminal has lines for, are only counted. */
const mostFiles = 12;
/** What stands in a line besides name and bar: ` 100 %  229.0 MB / 229.0 MB  24.1 MB/s  1 min 07 s`, and spaces. */
const restWidth = 52;
const barWidth = { least: 10, most: 30 };

/** What one line is made of. */
interface Row {
  readonly name: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly note: string;
}

/** Bars that stay on the screen as they were last. */
export class Bars implements Progress {
  private readonly bars: cliProgress.MultiBar;
  private readonly files: readonly cliProgress.SingleBar[];
  private readonly all: cliProgress.SingleBar;

  constructor(
    begun: DownloadView,
    terminal: Writable & { readonly columns?: number; readonly rows?: number },
    printer: Printer,
  ) {
    printer.notice(title(begun));
    const { columns = 80, rows = 24 } = terminal;
    const files = begun.files.length > 1 && begun.files.length <= Math.min(mostFiles, rows - 4) ? begun.files : [];
    const longest = Math.max(...[overall(begun, files.length), ...files.map(ofFile)].map(({ name }) => name.length));
    const nameWidth = Math.min(longest, Math.max(8, columns - restWidth - barWidth.least));
    const barsize = Math.min(barWidth.most, Math.max(barWidth.least, columns - restWidth - nameWidth));
    const format: cliProgress.GenericFormatter = (options, { progress }, row) =>
      lineOf(row as Row, nameWidth, cliProgress.Format.BarFormat(progress, options));
    // Signals are heard by main.ts, which lets everybody end in order.
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
    this.files = files.map((file) => this.bars.create(1, 0, ofFile(file)));
    this.all = this.bars.create(1, 0, overall(begun, files.length));
    this.show(begun);
  }

  show(download: DownloadView): void {
    this.files.forEach((bar, index) => draw(bar, ofFile(download.files[index]!)));
    draw(this.all, overall(download, this.files.length));
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
  return `${fitted(harmless(name), width)}  ${bar} ${amount}  ${note}`.trimEnd();
}

/**
 * A name that is too long keeps a third of its start and more of its end, where shards differ:
 * `tiny-Q8…00001-of-00003.gguf`.
 */
function fitted(name: string, width: number): string {
  const start = Math.floor(width / 3);
  return name.length > width ? `${name.slice(0, start)}…${name.slice(start + 1 - width)}` : name.padEnd(width);
}

function ofFile({ path, done, total, state }: DownloadFile): Row {
  const notes = { waiting: 'waiting', fetching: '', fetched: 'checking', verified: '', placed: '' };
  return { name: path, done, total, note: notes[state] };
}

function overall(download: DownloadView, shown: number): Row {
  const { model, files, done, total, state, bytes_per_second: speed, seconds_left: left } = download;
  const complete = files.filter((file) => file.state === 'verified' || file.state === 'placed').length;
  const counts = shown === 0 && files.length > 1 ? [`${complete} of ${files.length} files`] : [];
  const fetching = state === 'active' && done !== total;
  const pace = fetching
    ? [`${showBytes(speed)}/s`, ...(left === undefined ? [] : [showSeconds(left)])]
    : state === 'active'
      ? ['checking']
      : state === 'queued'
        ? ['waiting for its turn']
        : [];
  return { name: shown === 0 ? model : 'total', done, total, note: [...pace, ...counts].join('  ') };
}
