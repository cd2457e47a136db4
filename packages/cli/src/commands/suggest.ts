// lamina suggest: suggests the model that fits best.
import type { Command } from 'commander';
import type { SuggestionView } from '@lamina/core/protocol';
import type { CommandResult } from '../printer.js';
import type { Session } from '../session.js';
import { pairs } from '../table.js';
import { addExample } from './example.js';

interface SuggestOptions {
  readonly useCase?: string;
  readonly category?: string;
  readonly maxSize?: string;
}

/** Adds the command. */
export function suggestCommand(program: Command, session: Session): void {
  const command = program
    .command('suggest')
    .option('--use-case <name>', 'Use case of the model')
    .option('--category <name>', 'Category of the manifest')
    .option('--max-size <size>', 'Maximum size, such as 4GB')
    .description('Suggest the model that fits best')
    .action(({ useCase, category, maxSize }: SuggestOptions, command: Command) => {
      const request = {
        ...(useCase === undefined ? {} : { use_case: useCase }),
        ...(category === undefined ? {} : { category }),
        ...(maxSize === undefined ? {} : { max_size: maxSize }),
      };
      return session.run(command.optsWithGlobals(), async ({ library }) => resultOf(await library.suggest(request)));
    });
  addExample(command, 'lamina suggest --use-case coding --max-size 4GB');
}

function resultOf(view: SuggestionView): CommandResult {
  const others = view.alternatives.map(({ name, command, reasons }): [string, string] => [
    name,
    command ?? reasons.join(', '),
  ]);
  const rest = others.length === 0 ? '' : `\n\nOthers:\n${pairs(others)}`;
  return { json: view, text: `${view.suggested}\n${pairs(view.reasons.map((reason) => ['because', reason]))}${rest}` };
}
