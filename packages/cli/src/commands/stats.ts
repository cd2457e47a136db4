// lamina stats: shows how many models there are, and how they are grouped.
import type { Command } from 'commander';
import type { ModelStats } from '@lamina/core';
import type { CommandResult, Printer } from '../printer.js';
import type { Session } from '../session.js';
import { addExample } from './example.js';

/** Adds the command. */
export function statsCommand(program: Command, session: Session): void {
  const command = program
    .command('stats')
    .summary('Count models; list categories and use cases')
    .description('Count models and list their categories and use cases')
    .action((_, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library, printer }) => resultOf(await library.stats(), printer)),
    );
  addExample(command, 'lamina stats --json');
}

function resultOf(stats: ModelStats, printer: Printer): CommandResult {
  const {
    total_models: total,
    available_models: available,
    missing_models: missing,
    categories,
    backends,
    use_cases: useCases,
  } = stats;
  const groups = { categories, backends, 'use cases': useCases };
  const rows = Object.entries(groups).map(([name, names]): [string, string] => [name, names.join(', ') || '-']);
  return {
    json: stats,
    text: printer.pairs([['models', `${total} (${available} available, ${missing} missing)`], ...rows]),
  };
}
