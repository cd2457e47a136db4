// lamina install: adds a model from a file or directory on this machine.
import type { Command } from 'commander';
import type { Session } from '../session.js';
import { addExample } from './example.js';
import { describeModel } from './info.js';

/** Adds the command. */
export function installCommand(program: Command, session: Session): void {
  const command = program
    .command('install')
    .argument('<model>', 'Name of the new model')
    .argument('<path>', 'Model file (of several shards, the first) or directory')
    .description('Add a model from files on this machine')
    .action((model: string, path: string, _, command: Command) =>
      session.run(
        command.optsWithGlobals(),
        async ({ library, printer }) =>
          describeModel(model, await library.install(model, path), library.isServer, printer),
        { here: true },
      ),
    );
  addExample(command, 'lamina install my-model ~/Downloads/my-model-Q4_K_M.gguf');
}
