// lamina backends: lists the engines and how to install missing ones; installs those that install themselves.
import type { Command } from 'commander';
import type { BackendsView, BackendView, InstallationView } from '@lamina/core/protocol';
import { showElapsed } from '../amounts.js';
import type { CommandResult, Printer } from '../printer.js';
import { createInstallProgress } from '../progress/install-progress.js';
import type { CommandContext } from '../command-context.js';
import type { Session } from '../session.js';
import { styleState } from '../state.js';
import type { TableRow } from '../table.js';
import { addExample } from './example.js';

/** Adds the command and its subcommands. */
export function backendsCommand(program: Command, session: Session): void {
  const backends = program
    .command('backends')
    .usage('[install <backend>]')
    .summary('List engines and how to get them; install one')
    .description('List engines and how to install missing ones; install one');
  addExample(backends, 'lamina backends install embedded');
  const list = backends
    .command('list', { isDefault: true })
    .description('List engines (the default)')
    .action((_: unknown, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library, printer }) =>
        resultOf(await library.backends(), printer),
      ),
    );
  addExample(list, 'lamina backends');
  const install = backends
    .command('install')
    .argument('<backend>', 'Name of a backend whose engine Lamina can install')
    .description('Install an engine now instead of at its first use')
    .action((name: string, _: unknown, command: Command) =>
      session.run(command.optsWithGlobals(), (context) => installBackend(name, context), { owner: true }),
    );
  addExample(install, 'lamina backends install embedded');
}

async function installBackend(name: string, { library, io, printer }: CommandContext): Promise<CommandResult> {
  const startedAt = performance.now();
  const progress = await createInstallProgress(name, io, printer);
  const view = await library.installBackend(name, (update) => progress.show(update)).finally(() => progress.end());
  return { json: view, text: sentence(view, showElapsed((performance.now() - startedAt) / 1000)) };
}

function sentence({ backend, version, installed }: InstallationView, time: string): string {
  const engine = version === undefined ? backend : `${backend} ${version}`;
  return installed ? `Installed ${engine} in ${time}.` : `${engine} is already installed.`;
}

function resultOf(view: BackendsView, printer: Printer): CommandResult {
  const backends = Object.entries(view.backends);
  const rows = backends.flatMap(([name, backend]): readonly TableRow[] => [
    [
      name,
      styleState(backend.available ? 'available' : 'missing', printer.style),
      backend.version ?? '-',
      backend.formats.join(', ') || '-',
    ],
    ...hintsFor(backend),
  ]);
  const none = 'No plugin for an engine is loaded. Install one, such as: npm install @lamina/plugin-llamacpp';
  if (rows.length === 0) return { json: view, text: none };
  return {
    json: view,
    text: printer.table(['NAME', 'STATE', 'VERSION', 'FORMATS'], rows),
  };
}

/** Below the line of an engine: why it is missing and how to install it, or a note about it. */
function hintsFor({ reason, hint, note, fallback }: BackendView): readonly string[] {
  if (reason === undefined) return note === undefined ? [] : [note];
  const instead = fallback === undefined ? '' : ` Until then, ${fallback} serves its models.`;
  return [`${reason.replace(/\.$/, '')}.${instead}`, ...(hint === undefined ? [] : [hint])];
}
