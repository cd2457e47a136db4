// lamina suggest: suggests the model that fits best.
import type { Command } from 'commander';
import type { SuggestionView } from '@lamina/core/protocol';
import type { CommandResult, Printer } from '../printer.js';
import type { Session } from '../session.js';
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
      return session.run(command.optsWithGlobals(), async ({ library, printer }) =>
        resultOf(await library.suggest(request), options, printer),
      );
    });
  addExample(command, 'lamina suggest --use-case coding --max-size 4GB');
}

function resultOf(view: SuggestionView, { useCase, category }: SuggestOptions, printer: Printer): CommandResult {
  const { bold, yellow } = printer.style;
  const asked = [
    ...(useCase === undefined ? [] : [[useCase, `is not meant for "${useCase}"`] as const]),
    ...(category === undefined ? [] : [[category, `is not in the category "${category}"`] as const]),
  ];
  const unmatched = (reasons: readonly string[]): readonly string[] =>
    asked.filter(([name]) => !reasons.some((reason) => reason.includes(`"${name}"`))).map(([, text]) => text);
  const none = `No model on disk is meant for ${asked.map(([name]) => `"${name}"`).join(' or ')}. The best of all:`;
  const differences = (reasons: readonly string[]): string =>
    [...reasons.filter((reason) => !view.reasons.includes(reason)), ...unmatched(reasons)].join('; ');
  const others = view.alternatives.flatMap(({ name, command, reasons }) => [
    `  ${name}`,
    `    ${command === undefined ? differences(reasons) : `not on disk; get it with: ${command}`}`,
  ]);
  const lines = [
    ...(view.matched ? [] : [none, '']),
    bold(view.suggested),
    ...view.reasons.map((reason) => `  ${reason}`),
    ...unmatched(view.reasons).map((text) => `  ${yellow(text)}`),
    ...(others.length === 0 ? [] : ['', 'Others, best first:', ...others]),
  ];
  return { json: view, text: printer.wrap(lines.join('\n')) };
}
