// lamina info: everything that is known of one model.
import type { Command } from 'commander';
import type { ModelDetail } from '@lamina/core/protocol';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';
import { pairs } from '../table.js';
import { sizeOf, stateOf } from './list.js';

/** Shown in their own words, or too long to show. */
const apart = new Set(['state', 'available', 'active', 'bytes', 'size', 'metadata', 'chat_template']);

/** Adds the command. */
export function infoCommand(program: Command, session: Session): void {
  program
    .command('info')
    .argument('<model>')
    .description('one model: its entry, what its files tell, what is wrong')
    .action((model: string, _, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library }) => describe(model, await library.model(model))),
    );
}

/** One model, for people and programs. */
export function describe(name: string, model: ModelDetail): Answer {
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
    .filter(([key]) => !apart.has(key))
    .map(([key, value]) => [key.replaceAll('_', ' '), shown(value)]);
}

function shown(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
