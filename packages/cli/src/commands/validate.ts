// lamina validate: checks the manifest and model files; exit code 1 if there are problems.
import type { Command } from 'commander';
import type { ValidationView } from '@lamina/core/protocol';
import type { CommandResult } from '../printer.js';
import type { Session } from '../session.js';
import { counted, table } from '../table.js';
import { addExample } from './example.js';

/** Adds the command. */
export function validateCommand(program: Command, session: Session): void {
  const command = program
    .command('validate')
    .argument('[models...]', 'Names or aliases of models (default: all models)')
    .description('Check the manifest and model files (exit code 1 if there are problems)')
    .action((models: string[], _, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) =>
        resultOf(await library.validate(models.length === 0 ? undefined : models)),
      ),
    );
  addExample(command, 'lamina validate llama3.2-3b');
}

function resultOf(view: ValidationView): CommandResult {
  const models = Object.entries(view.models);
  const rows = models.flatMap(([name, { problems }]) =>
    problems.length === 0 ? [[name, 'ok']] : problems.map(({ message }, index) => [index === 0 ? name : '', message]),
  );
  const broken = models.filter(([, { valid }]) => !valid).length;
  const summary = `${counted(view.checked, 'model')} checked, ${broken === 0 ? 'no problems found' : `problems in ${broken}`}`;
  return {
    json: view,
    text: rows.length === 0 ? summary : `${table(['NAME', 'FILES'], rows)}\n\n${summary}`,
    code: view.valid ? 0 : 1,
  };
}
