// lamina search: finds models to download at the sources that can be searched.
import { InvalidArgumentError, type Command } from 'commander';
import type { SearchView } from '@lamina/core/protocol';
import { showCount } from '../amounts.js';
import type { SearchRange } from '../library.js';
import type { CommandResult, Printer } from '../printer.js';
import type { Session } from '../session.js';
import { addExample } from './example.js';

/** Adds the command. */
export function searchCommand(program: Command, session: Session): void {
  const command = program
    .command('search')
    .argument('<words...>', 'What to search for')
    .option('--source <name>', 'Search only this source')
    .option('--limit <number>', 'Maximum number of results of each source, 1 to 100 (default: 20)', parseLimit)
    .description('Find models to download')
    .action((words: readonly string[], { source, limit }: SearchRange, command: Command) => {
      const range = { ...(source === undefined ? {} : { source }), ...(limit === undefined ? {} : { limit }) };
      const text = words.join(' ');
      return session.run(
        command.optsWithGlobals(),
        async ({ library, printer }) => resultOf(text, await library.search(text, range), printer),
        { waitsFor: `Searching for "${text}"` },
      );
    });
  addExample(command, 'lamina search qwen3 4b --limit 5');
}

function resultOf(text: string, { models, failed }: SearchView, printer: Printer): CommandResult {
  const rows = models.map(({ reference, downloads, updated_at: updated, gated }) => [
    reference,
    downloads === undefined ? '-' : showCount(downloads),
    updated?.slice(0, 10) ?? '-',
    gated === undefined ? '-' : gated ? 'gated' : 'open',
  ]);
  const [first] = models;
  const lines = [
    ...(first === undefined
      ? [`No models found for "${text}".`]
      : [printer.table(['REFERENCE', '>DOWNLOADS', 'UPDATED', 'ACCESS'], rows), '']),
    ...(models.some(({ gated }) => gated === true)
      ? ['A gated model requires a token of an account that has accepted its terms.']
      : []),
    ...failed.map(({ source, error }) => `${source} could not be searched: ${error.message}`),
    ...(first === undefined ? [] : [`Download one with: lamina pull ${first.reference}`]),
  ];
  return { json: { models, failed }, text: lines.join('\n') };
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 100) return limit;
  throw new InvalidArgumentError('Expected a whole number from 1 to 100.');
}
