// How a download is shown while it runs: bars on a terminal, lines elsewhere, documents for programs.
import type { DownloadView } from '@lamina/core/protocol';
import type { Printer } from '../printer.js';
import type { World } from '../world.js';
import { Bars } from './bars.js';
import { Documents } from './documents.js';
import { Lines } from './lines.js';
import type { Progress } from './progress.js';

/** The way that fits where the command runs. */
export function createProgress(begun: DownloadView, { stderr }: Pick<World, 'stderr'>, printer: Printer): Progress {
  if (printer.json) return new Documents(printer, () => performance.now());
  return stderr.isTTY === true ? new Bars(begun, stderr, printer) : new Lines(begun, printer, () => performance.now());
}
