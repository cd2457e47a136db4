// lamina backends: the engines, and what is missing.
import type { Command } from 'commander';
import type { BackendsView, BackendView } from '@lamina/core/protocol';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';
import { table } from '../table.js';

/** Adds the command. */
export function backendsCommand(program: Command, session: Session): void {
  program
    .command('backends')
    .description('the engines, and how to get those that are missing')
    .action((_, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) => answer(await library.backends())),
    );
}

function answer(view: BackendsView): Answer {
  const backends = Object.entries(view.backends);
  const rows = backends.map(([name, { available, version, formats, executable }]) => [
    name,
    available ? 'available' : 'missing',
    formats.join(', ') || '-',
    version ?? '-',
    executable ?? '-',
  ]);
  const hints = backends.flatMap(([name, backend]) => remarkOn(name, backend) ?? []);
  return {
    json: view,
    text: [
      table(['NAME', 'STATE', 'FORMATS', 'VERSION', 'EXECUTABLE'], rows),
      ...(hints.length === 0 ? [] : ['', ...hints]),
    ].join('\n'),
  };
}

/** What there is to say of one beside its row. */
function remarkOn(name: string, { reason, hint, note, fallback }: BackendView): string | undefined {
  if (reason === undefined) return note === undefined ? undefined : `${name}: ${note}`;
  const instead = fallback === undefined ? [] : [`${fallback} serves its models meanwhile.`];
  return `${name}: ${[`${reason.replace(/\.$/, '')}.`, ...instead, hint ?? ''].join(' ').trim()}`;
}
