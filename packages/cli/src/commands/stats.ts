// lamina stats: shows how many models there are, and how they are grouped.
import type { Command } from 'commander';
import type { ModelStats } from '@lamina/core';
import type { CommandResult } from '../printer.js';
import type { Session } from '../session.js';
import { pairs } from '../table.js';
import { addExample } from './example.js';

/** Adds the command. */
export function statsCommand(program: Command, session: Session): void {
  const command = program
    .command('stats')
    .description('Show the number of models, and their categories, backends, and use cases')
    .action((_, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) => resultOf(await library.stats())),
    );
  addExample(command, 'lamina stats --json');
}

function resultOf(stats: ModelStats): CommandResult {
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
  return { json: stats, text: pairs([['models', `${total} (${available} available, ${missing} missing)`], ...rows]) };
}
