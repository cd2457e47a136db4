// lamina validate: looks closely at the files of models; exit code 1 when something is wrong with one.
import type { Command } from 'commander';
import type { ValidationView } from '@lamina/core/protocol';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';
import { counted, table } from '../table.js';

/** Adds the command. */
export function validateCommand(program: Command, session: Session): void {
  program
    .command('validate')
    .argument('[models...]', 'default: all')
    .description('look closely at the files of models; exit code 1 when something is wrong')
    .action((models: string[], _, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) =>
        answer(await library.validate(models.length === 0 ? undefined : models)),
      ),
    );
}

function answer(view: ValidationView): Answer {
  const models = Object.entries(view.models);
  const rows = models.flatMap(([name, { problems }]) =>
    problems.length === 0 ? [[name, 'ok']] : problems.map(({ message }, index) => [index === 0 ? name : '', message]),
  );
  const broken = models.filter(([, { valid }]) => !valid).length;
  const text = `${rows.length === 0 ? '' : `${table(['NAME', 'FILES'], rows)}\n\n`}${counted(view.checked, 'model')} checked, ${broken === 0 ? 'nothing is wrong' : `something is wrong with ${broken}`}`;
  return { json: view, text, code: view.valid ? 0 : 1 };
}
