// lamina install: makes a model of a file or directory that is already on this machine.
import type { Command } from 'commander';
import type { Session } from '../session.js';
import { describe } from './info.js';

/** Adds the command. */
export function installCommand(program: Command, session: Session): void {
  program
    .command('install')
    .argument('<model>', 'what it shall be called')
    .argument('<path>', 'a file, of several shards the first, or a directory')
    .description('make a model of files that are here already')
    .action((model: string, path: string, _, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) =>
        describe(model, await library.install(model, path)),
      ),
    );
}
