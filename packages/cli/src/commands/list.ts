// lamina list: the models, one a line.
import type { Command } from 'commander';
import type { ModelsView, ModelView } from '@lamina/core/protocol';
import { showBytes } from '../amounts.js';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';
import { counted, table } from '../table.js';

/** Adds the command. */
export function listCommand(program: Command, session: Session): void {
  program
    .command('list')
    .description('the models, and whether their files are here')
    .action((_, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) => answer(await library.models())),
    );
}

function answer(view: ModelsView): Answer {
  const rows = Object.entries(view.models).map(([name, model]) => [
    name,
    stateOf(model),
    sizeOf(model),
    model.quantization ?? '-',
    model.backend ?? '-',
  ]);
  const total = `${counted(view.total, 'model')}, ${view.available} available`;
  const empty = 'There are no models here. Get one with: lamina pull <model|reference>';
  return {
    json: view,
    text:
      rows.length === 0 ? empty : `${table(['NAME', 'STATE', '>SIZE', 'QUANTIZATION', 'BACKEND'], rows)}\n\n${total}`,
  };
}

/** What it is doing; at rest, whether its files are here. */
export function stateOf({ state, available }: ModelView): string {
  if (state !== 'stopped') return state;
  return available ? 'available' : 'missing';
}

/** Its files' size, or what its entry says of it. */
export function sizeOf({ bytes, size }: ModelView): string {
  return bytes > 0 ? showBytes(bytes) : String(size ?? '-');
}
