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
    .action((options: SuggestOptions, command: Command) => {
      const { useCase, category, maxSize } = options;
      const request = {
        ...(useCase === undefined ? {} : { use_case: useCase }),
        ...(category === undefined ? {} : { category }),
        ...(maxSize === undefined ? {} : { max_size: maxSize }),
      };
      return session.run(command.optsWithGlobals(), async ({ library }) =>
        resultOf(await library.suggest(request), options),
      );
    });
  addExample(command, 'lamina suggest --use-case coding --max-size 4GB');
}

function resultOf(view: SuggestionView, { useCase, category }: SuggestOptions): CommandResult {
  const asked = [
    ...(useCase === undefined ? [] : [`the use case "${useCase}"`]),
    ...(category === undefined ? [] : [`the category "${category}"`]),
  ].join(' or ');
  const unmatched = view.matched ? '' : `No model on disk matches ${asked}. The best of all models on disk:\n\n`;
  const others = view.alternatives.map(
    ({ name, command, reasons }) => `  ${name}\n    ${command ?? reasons.join('; ')}`,
  );
  const rest = others.length === 0 ? '' : `\n\nOthers:\n${others.join('\n')}`;
  const reasons = pairs(view.reasons.map((reason) => ['because', reason]));
  return { json: view, text: `${unmatched}${view.suggested}\n${reasons}${rest}` };
}
