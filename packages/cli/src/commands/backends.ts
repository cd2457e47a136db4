// lamina backends: lists the engines and how to install missing ones.
import type { Command } from 'commander';
import type { BackendsView, BackendView } from '@lamina/core/protocol';
import type { CommandResult } from '../printer.js';
import type { Session } from '../session.js';
import { table } from '../table.js';
import { addExample } from './example.js';

/** Adds the command. */
export function backendsCommand(program: Command, session: Session): void {
  const command = program
    .command('backends')
    .description('List engines and how to install missing ones')
    .action((_, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) => resultOf(await library.backends())),
    );
  addExample(command, 'lamina backends');
}

function resultOf(view: BackendsView): CommandResult {
  const backends = Object.entries(view.backends);
  const rows = backends.map(([name, { available, version, formats, executable }]) => [
    name,
    available ? 'available' : 'missing',
    formats.join(', ') || '-',
    version ?? '-',
    executable ?? '-',
  ]);
  const hints = backends.flatMap(([name, backend]) => hintFor(name, backend) ?? []);
  return {
    json: view,
    text: [
      table(['NAME', 'STATE', 'FORMATS', 'VERSION', 'EXECUTABLE'], rows),
      ...(hints.length === 0 ? [] : ['', ...hints]),
    ].join('\n'),
  };
}

/** A line below the table: why an engine is missing and how to install it, or a note about it. */
function hintFor(name: string, { reason, hint, note, fallback }: BackendView): string | undefined {
  if (reason === undefined) return note === undefined ? undefined : `${name}: ${note}`;
  const instead = fallback === undefined ? [] : [`Until then, ${fallback} serves its models.`];
  return `${name}: ${[`${reason.replace(/\.$/, '')}.`, ...instead, hint ?? ''].join(' ').trim()}`;
}
