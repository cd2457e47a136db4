// lamina downloads: what is being fetched, and pausing, resuming and cancelling it.
import type { Command } from 'commander';
import { LaminaError, type DownloadView } from '@lamina/core/protocol';
import { percent, showBytes } from '../amounts.js';
import type { Library } from '../library.js';
import type { Answer } from '../printer.js';
import type { GlobalOptions, Session, Tools } from '../session.js';
import { table } from '../table.js';
import { watch } from './watch.js';

type Verb = (download: DownloadView, tools: Tools) => Promise<Answer>;

/** Adds the command and those below it. */
export function downloadsCommand(program: Command, session: Session): void {
  const downloads = program
    .command('downloads')
    .usage('[pause|resume|cancel <download|model>]')
    .description('what is being fetched, was paused or failed; pause, resume or cancel it');
  const show = (_: unknown, command: Command) =>
    session.run(command.optsWithGlobals(), async ({ library }) => answer(await library.downloads()));
  downloads.command('list', { isDefault: true }).description('all of them (the default)').action(show);
  const add = (name: string, description: string, verb: Verb) =>
    downloads
      .command(name)
      .argument('<download|model>')
      .description(description)
      .action((wanted: string, _: unknown, command: Command) =>
        session.run(
          command.optsWithGlobals<GlobalOptions>(),
          async (tools) => verb(await find(tools.library, wanted), tools),
          { owner: true },
        ),
      );
  add('pause', 'stop one for now; what is here stays', pause);
  add('resume', 'go on with one, and show it', async ({ id }, tools) => watch(await tools.library.resume(id), tools));
  add('cancel', 'end one, and delete what was fetched', cancel);
}

async function pause({ id, model }: DownloadView, { library }: Tools): Promise<Answer> {
  const download = await library.pause(id);
  return {
    json: download,
    text: `The download of ${model} is paused; ${showBytes(download.done)} are here. Go on with: lamina downloads resume ${model}`,
  };
}

async function cancel(download: DownloadView, { library }: Tools): Promise<Answer> {
  await library.cancel(download.id);
  return { json: { ...download, state: 'cancelled' }, text: `The download of ${download.model} is cancelled.` };
}

/** One by its id, or the one of a model that is not over. */
async function find(library: Library, wanted: string): Promise<DownloadView> {
  const { downloads } = await library.downloads();
  const found =
    downloads.find(({ id }) => id === wanted) ??
    downloads.find(({ model, state }) => model === wanted && state !== 'finished' && state !== 'cancelled');
  if (found === undefined) throw new LaminaError('DOWNLOAD_NOT_FOUND', { download: wanted });
  return found;
}

function answer(view: { readonly downloads: readonly DownloadView[] }): Answer {
  const rows = view.downloads.map((download) => [
    download.id,
    download.model,
    download.state,
    ...amounts(download),
    download.source,
  ]);
  const failures = view.downloads.flatMap(({ id, error }) => (error === undefined ? [] : [`${id}: ${error.message}`]));
  const text = [
    table(['ID', 'MODEL', 'STATE', '>DONE', '>SIZE', 'SOURCE'], rows),
    ...(failures.length === 0 ? [] : ['', ...failures]),
  ].join('\n');
  return { json: view, text: rows.length === 0 ? 'Nothing is being downloaded.' : text };
}

function amounts({ done, total }: DownloadView): [string, string] {
  return total === undefined ? [showBytes(done), '-'] : [`${percent(done, total)} %`, showBytes(total)];
}
