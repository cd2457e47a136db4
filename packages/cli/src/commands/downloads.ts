// lamina downloads: lists downloads; pauses, resumes, and cancels them.
import type { Command } from 'commander';
import { LaminaError, type DownloadView } from '@lamina/core/protocol';
import { percent, showBytes } from '../amounts.js';
import type { Library } from '../library.js';
import type { CommandResult, Printer } from '../printer.js';
import type { CommandContext } from '../command-context.js';
import type { GlobalOptions } from '../global-options.js';
import type { Session } from '../session.js';
import { styleState } from '../state.js';
import type { TableRow } from '../table.js';
import { addExample } from './example.js';

type DownloadAction = (download: DownloadView, context: CommandContext) => Promise<CommandResult>;

/** Adds the command and its subcommands. */
export function downloadsCommand(program: Command, session: Session): void {
  const downloads = program
    .command('downloads')
    .usage('[pause|resume|cancel <download|model>]')
    .description('List downloads; pause, resume, or cancel one');
  addExample(downloads, 'lamina downloads resume llama3.2-3b');
  const list = downloads
    .command('list', { isDefault: true })
    .description('List downloads (the default)')
    .action((_: unknown, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library, printer }) =>
        resultOf(await library.downloads(), printer),
      ),
    );
  addExample(list, 'lamina downloads');
  const add = (name: string, description: string, action: DownloadAction) => {
    const command = downloads
      .command(name)
      .argument('<download|model>', 'ID of a download, or name of its model')
      .description(description)
      .action((wanted: string, _: unknown, command: Command) =>
        session.run(
          command.optsWithGlobals<GlobalOptions>(),
          async (context) => action(await find(context.library, wanted), context),
          { owner: true },
        ),
      );
    addExample(command, `lamina downloads ${name} llama3.2-3b`);
  };
  add('pause', 'Pause a download and keep the downloaded bytes', pause);
  add('resume', 'Resume a download and show its progress', resume);
  add('cancel', 'Cancel a download and delete the downloaded bytes', cancel);
}

async function pause({ id, model }: DownloadView, { library }: CommandContext): Promise<CommandResult> {
  const download = await library.pause(id);
  return {
    json: download,
    text: `Paused the download of ${model} at ${showBytes(download.done)}. Resume it with: lamina downloads resume ${model}`,
  };
}

async function resume({ id }: DownloadView, context: CommandContext): Promise<CommandResult> {
  const { watchDownload } = await import('./watch-download.js');
  return watchDownload(await context.library.resume(id), context);
}

async function cancel(download: DownloadView, { library }: CommandContext): Promise<CommandResult> {
  await library.cancel(download.id);
  return { json: { ...download, state: 'cancelled' }, text: `Cancelled the download of ${download.model}.` };
}

/** The download with this ID, or the unfinished one of this model. */
async function find(library: Library, wanted: string): Promise<DownloadView> {
  const { downloads } = await library.downloads();
  const found =
    downloads.find(({ id }) => id === wanted) ??
    downloads.find(({ model, state }) => model === wanted && state !== 'finished' && state !== 'cancelled');
  if (found === undefined) throw new LaminaError('DOWNLOAD_NOT_FOUND', { download: wanted });
  return found;
}

function resultOf(view: { readonly downloads: readonly DownloadView[] }, printer: Printer): CommandResult {
  const rows = view.downloads.flatMap((download): readonly TableRow[] => [
    [download.model, styleState(download.state, printer.style), ...amountsOf(download), download.source, download.id],
    ...(download.error === undefined ? [] : [download.error.message]),
  ]);
  const text = printer.table(['MODEL', 'STATE', '>DONE', '>SIZE', 'SOURCE', 'ID'], rows);
  return { json: view, text: rows.length === 0 ? 'No downloads. Start one with: lamina pull <model|reference>' : text };
}

function amountsOf({ done, total }: DownloadView): [string, string] {
  return total === undefined ? [showBytes(done), '-'] : [`${percent(done, total)} %`, showBytes(total)];
}
