// lamina info: shows everything known about one model.
import type { Command } from 'commander';
import type { ModelDetail } from '@lamina/core/protocol';
import type { CommandResult } from '../printer.js';
import type { Session } from '../session.js';
import { pairs } from '../table.js';
import { addExample } from './example.js';
import { sizeOf, stateOf } from './list.js';

/** Fields that are formatted separately, or too long to show. */
const hiddenFields = new Set(['state', 'available', 'active', 'bytes', 'size', 'metadata', 'chat_template']);

/** Adds the command. */
export function infoCommand(program: Command, session: Session): void {
  const command = program
    .command('info')
    .argument('<model>', 'Name or alias of a model')
    .description('Show one model: manifest entry, file metadata, and problems')
    .action((model: string, _, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) => describeModel(model, await library.model(model))),
    );
  addExample(command, 'lamina info llama3.2-3b');
}

/** One model as a list of its fields. */
export function describeModel(name: string, model: ModelDetail): CommandResult {
  const rows = [
    ['state', stateOf(model)],
    ['size', sizeOf(model)],
    ...rowsOf(model),
    ...rowsOf(model.metadata ?? {}),
  ] as [string, string][];
  return { json: model, text: `${name}\n${pairs(rows)}` };
}

function rowsOf(values: object): [string, string][] {
  return Object.entries(values)
    .filter(([key]) => !hiddenFields.has(key))
    .map(([key, value]) => [key.replaceAll('_', ' '), format(value)]);
}

function format(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
