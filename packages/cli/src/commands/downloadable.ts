// lamina downloadable: what the manifest could fetch.
import type { Command } from 'commander';
import type { DownloadableView } from '@lamina/core/protocol';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';
import { table } from '../table.js';

interface Options {
  readonly source?: string;
}

/** Adds the command. */
export function downloadableCommand(program: Command, session: Session): void {
  program
    .command('downloadable')
    .alias('list-downloadable')
    .option('--source <name>', 'only those this source has')
    .description('the models of the manifest that are not here and could be')
    .action(({ source }: Options, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) => answer(await library.downloadable(), source)),
    );
}

function answer(view: DownloadableView, source: string | undefined): Answer {
  const models = view.models.filter(({ sources }) => source === undefined || Object.hasOwn(sources, source));
  const rows = models.flatMap(({ model, sources, download }) =>
    Object.entries(sources).map(([name, reference], index) => [
      index === 0 ? model : '',
      name,
      typeof reference === 'string' ? reference : JSON.stringify(reference),
      index === 0 ? (download ?? '-') : '',
    ]),
  );
  return {
    json: { models },
    text:
      rows.length === 0
        ? 'Nothing is to be had: each model of the manifest is here, or names no source.'
        : table(['NAME', 'SOURCE', 'REFERENCE', 'DOWNLOAD'], rows),
  };
}
