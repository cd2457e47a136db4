// lamina stats: how many models there are, of which kind.
import type { Command } from 'commander';
import type { ModelStats } from '@lamina/core';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';
import { pairs } from '../table.js';

/** Adds the command. */
export function statsCommand(program: Command, session: Session): void {
  program
    .command('stats')
    .description('counts of models, by category, backend and use case')
    .action((_, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) => answer(await library.stats())),
    );
}

function answer(stats: ModelStats): Answer {
  const {
    total_models: total,
    available_models: available,
    missing_models: missing,
    categories,
    backends,
    use_cases: useCases,
  } = stats;
  const groups = { categories, backends, 'use cases': useCases };
  const shown = Object.entries(groups).map(([name, counts]): [string, string] => [
    name,
    Object.entries(counts)
      .map(([key, count]) => `${key} ${count}`)
      .join(', ') || '-',
  ]);
  return { json: stats, text: pairs([['models', `${total} (${available} available, ${missing} missing)`], ...shown]) };
}
