// The progress of an installation: a bar on a terminal, a line for each tenth elsewhere, documents with --json.
import type { CliIo } from '../cli-io.js';
import type { InstallProgress } from '../library.js';
import { stripControls, type Printer } from '../printer.js';

/** Shows the progress of one installation. */
export interface InstallProgressView {
  show(progress: InstallProgress): void;
  /** Stops showing progress. */
  end(): void;
}

/** Progress in the format that fits the output of the command. */
export async function createInstallProgress(
  backend: string,
  { stderr }: Pick<CliIo, 'stderr'>,
  printer: Printer,
): Promise<InstallProgressView> {
  if (stderr.isTTY !== true || printer.json) return tenths(backend, printer);
  const { default: cliProgress } = await import('cli-progress'); // Only terminals need it.
  const bar = new cliProgress.SingleBar(
    // Signals are handled in main.ts, which stops everything in an orderly way.
    {
      stream: stderr as NodeJS.WritableStream,
      hideCursor: true,
      gracefulExit: false,
      format: '{stage}  {bar} {percentage} %',
    },
    cliProgress.Presets.shades_classic,
  );
  return {
    show({ stage, ratio = 0 }) {
      if (!bar.isActive) bar.start(100, 0, { stage: stripControls(stage) });
      bar.update(Math.floor(ratio * 100), { stage: stripControls(stage) });
    },
    end: () => bar.stop(),
  };
}

function tenths(backend: string, printer: Printer): InstallProgressView {
  let shown = -1;
  return {
    show({ stage, ratio = 0 }) {
      const tenth = Math.floor(ratio * 10);
      if (tenth <= shown) return;
      shown = tenth;
      if (printer.json) printer.document({ backend, stage, ratio });
      else printer.notice(`${backend}: ${stage}, ${tenth * 10} %`);
    },
    end: () => undefined,
  };
}
