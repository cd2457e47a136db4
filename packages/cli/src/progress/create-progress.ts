// Selects how progress is shown: bars on a terminal, lines elsewhere, documents with --json.
import type { DownloadView } from '@lamina/core/protocol';
import type { CliIo } from '../cli-io.js';
import type { Printer } from '../printer.js';
import { Documents } from './documents.js';
import { Lines } from './lines.js';
import type { Progress } from './progress.js';

/** Progress of one download in the format that fits the output of the command. */
export async function createProgress(
  started: DownloadView,
  { stderr }: Pick<CliIo, 'stderr'>,
  printer: Printer,
): Promise<Progress> {
  if (printer.json) return new Documents(printer, () => performance.now());
  if (stderr.isTTY !== true) return new Lines(started, printer, () => performance.now());
  const { Bars } = await import('./bars.js'); // Loads cli-progress, which only terminals need.
  return new Bars(started, stderr, printer);
}
