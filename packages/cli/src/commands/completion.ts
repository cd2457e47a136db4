// lamina completion: prints the script that completes lamina in a shell; the script asks the hidden lamina __complete.
import { Argument, type Command } from 'commander';
import { complete } from '../completion/complete.js';

import { scripts } from '../completion/scripts.js';
import type { Session } from '../session.js';
import { addExample } from './example.js';

/** Adds the command, and `__complete`, which prints the candidates for the last word. */
export function completionCommand(program: Command, session: Session): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>', 'The shell').choices(Object.keys(scripts)))
    .description('Print the script for completion in a shell')
    .action((shell: keyof typeof scripts) => {
      const { script } = scripts[shell];
      session.print({ json: { shell, script }, text: script.trimEnd() });
    });
  const lines = Object.entries(scripts).map(([shell, { install }]) => `  ${shell.padEnd(4)}  ${install}`);
  command.addHelpText('after', `\nTo install it, run once:\n${lines.join('\n')}`);
  addExample(command, 'lamina completion fish > ~/.config/fish/completions/lamina.fish');
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .helpOption(false)
    .action(async (words: readonly string[]) => {
      const candidates = await complete(program, words, async (options) => {
        const { modelNames } = await import('../completion/model-names.js');
        return modelNames(options, session.io);
      });
      const lines = candidates.map(({ text, description }) =>
        description === undefined ? `${text}\n` : `${text}\t${description}\n`,
      );
      session.printer.write(lines.join(''));
    });
}
