// lamina rm: takes a model out of the manifest, with its files when told so.
import type { Command } from 'commander';
import type { RemovalView } from '@lamina/core/protocol';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';

interface Options {
  readonly files?: boolean;
}

/** Adds the command. */
export function removeCommand(program: Command, session: Session): void {
  program
    .command('rm')
    .argument('<model>')
    .option('--files', 'delete its files too')
    .description('take a model out of the manifest')
    .action((model: string, { files = false }: Options, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) =>
        answer(await library.remove(model, { files }), files),
      ),
    );
}

function answer(view: RemovalView, files: boolean): Answer {
  const { removed, deleted, kept } = view;
  const stay = files ? [] : ['Its files stay; --files deletes them.'];
  return {
    json: view,
    text: [
      `${removed} is removed.`,
      ...deleted.map((path) => `deleted  ${path}`),
      ...kept.map((sentence) => `kept     ${sentence}`),
      ...stay,
    ].join('\n'),
  };
}
