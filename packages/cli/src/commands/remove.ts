// lamina rm: removes a model from the manifest, with --files also from the disk.
import type { Command } from 'commander';
import type { RemovalView } from '@lamina/core/protocol';
import type { CommandResult } from '../printer.js';
import type { Session } from '../session.js';
import { addExample } from './example.js';

interface RemoveOptions {
  readonly files?: boolean;
}

/** Adds the command. */
export function removeCommand(program: Command, session: Session): void {
  const command = program
    .command('rm')
    .argument('<model>', 'Name or alias of a model')
    .option('--files', 'Delete the files of the model, too')
    .description('Remove a model from the manifest')
    .action((model: string, { files = false }: RemoveOptions, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) =>
        resultOf(await library.remove(model, { files }), files),
      ),
    );
  addExample(command, 'lamina rm llama3.2-3b --files');
}

function resultOf(view: RemovalView, files: boolean): CommandResult {
  const { removed, deleted, kept, remaining } = view;
  return {
    json: view,
    text: [
      `Removed ${removed} from the manifest.`,
      ...deleted.map((path) => `deleted  ${path}`),
      ...kept.map((sentence) => `kept     ${sentence}`),
      ...(files ? [] : ['The files were kept.']),
      ...servedLines(remaining),
    ].join('\n'),
  };
}

/** Files that stay in the models directory, or that other entries name, are served under another name. */
function servedLines(remaining: readonly string[]): readonly string[] {
  if (remaining.length === 0) return [];
  const hint = remaining.length === 1 ? ` To delete them, run: lamina rm ${remaining[0]!} --files` : '';
  return [`Its files are still served, as ${remaining.join(', ')}.${hint}`];
}
