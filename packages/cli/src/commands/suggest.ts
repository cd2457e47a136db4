// lamina suggest: the model that fits a purpose best.
import type { Command } from 'commander';
import type { SuggestionView } from '@lamina/core/protocol';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';
import { pairs } from '../table.js';

interface Options {
  readonly useCase?: string;
  readonly category?: string;
  readonly maxSize?: string;
}

/** Adds the command. */
export function suggestCommand(program: Command, session: Session): void {
  program
    .command('suggest')
    .option('--use-case <name>', 'what it is for')
    .option('--category <name>', 'a category of the manifest')
    .option('--max-size <size>', 'such as 4GB')
    .description('the model that fits best')
    .action(({ useCase, category, maxSize }: Options, command: Command) => {
      const request = {
        ...(useCase === undefined ? {} : { use_case: useCase }),
        ...(category === undefined ? {} : { category }),
        ...(maxSize === undefined ? {} : { max_size: maxSize }),
      };
      return session.run(command.optsWithGlobals(), async ({ library }) => answer(await library.suggest(request)));
    });
}

function answer(view: SuggestionView): Answer {
  const others = view.alternatives.map(({ name, command, reasons }): [string, string] => [
    name,
    command ?? reasons.join(', '),
  ]);
  const rest = others.length === 0 ? '' : `\n\nOthers:\n${pairs(others)}`;
  return { json: view, text: `${view.suggested}\n${pairs(view.reasons.map((reason) => ['because', reason]))}${rest}` };
}
