// lamina validate: checks the manifest and model files; exit code 1 if there are errors.
import { relative } from 'node:path';
import type { Command } from 'commander';
import type { ValidationView } from '@lamina/core/protocol';
import type { CommandResult, Printer } from '../printer.js';
import { countedFaults, faultsOf } from '../faults.js';
import type { Session } from '../session.js';
import { counted } from '../table.js';
import { addExample } from './example.js';

type Diagnostic = ValidationView['diagnostics'][number];

/** Adds the command. */
export function validateCommand(program: Command, session: Session): void {
  const command = program
    .command('validate')
    .argument('[models...]', 'Names or aliases of models (default: the manifest and all models)')
    .summary('Check the manifest and model files')
    .description('Check the manifest and model files (exit code 1: errors)')
    .action((models: string[], _, command: Command) =>
      session.run(
        command.optsWithGlobals(),
        async ({ library, printer }) =>
          resultOf(await library.validate(models.length === 0 ? undefined : models), printer),
        { showsDiagnostics: true },
      ),
    );
  addExample(command, 'lamina validate llama3.2-3b');
}

function resultOf(view: ValidationView, printer: Printer): CommandResult {
  const rows = Object.entries(view.models).flatMap(([name, { problems }]) =>
    problems.length === 0 ? [[name, 'ok']] : problems.map(({ message }, index) => [index === 0 ? name : '', message]),
  );
  const parts = [
    ...(view.diagnostics.length === 0 ? [] : [view.diagnostics.map(lineOf).join('\n')]),
    ...(rows.length === 0 ? [] : [printer.table(['NAME', 'FILES'], rows)]),
    `${counted(view.checked, 'model')} checked, ${summaryOf(view)}`,
  ];
  return { json: view, text: parts.join('\n\n'), code: view.valid ? 0 : 1 };
}

/** `models/models.yaml:3:5: warning: …`, as compilers write it, so that editors find the place. */
function lineOf({ file, line, column, severity, message }: Diagnostic): string {
  if (file === undefined) return `${severity}: ${message}`;
  const near = relative(process.cwd(), file);
  const place = [near.startsWith('..') ? file : near, line, column].filter((part) => part !== undefined).join(':');
  return `${place}: ${severity}: ${message}`;
}

function summaryOf(view: ValidationView): string {
  return countedFaults(faultsOf(view)).join(' and ') || 'no problems found';
}
