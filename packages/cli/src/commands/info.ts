// lamina info: shows everything known about one model.
import type { Command } from 'commander';
import type { ModelDetail } from '@lamina/core/protocol';
import { showBytes } from '../amounts.js';
import type { CommandResult, Printer } from '../printer.js';
import type { Session } from '../session.js';
import { styleState } from '../state.js';
import { addExample } from './example.js';
import { filesOf, loadedOf, sizeOf } from './list.js';

type Row = readonly [label: string, value: string];

/** What the first section shows, and keys of the entry that are sections or states. */
const shownElsewhere = new Set([
  ...['state', 'available', 'active', 'bytes', 'size', 'runs_on', 'cannot_run', 'memory', 'backend', 'quantization'],
  ...[
    'context_length',
    'capabilities',
    'description',
    'path',
    'aliases',
    'use_cases',
    'options',
    'limits',
    'download',
    'metadata',
    'missing',
    'error',
  ],
  'server',
]);

/** Adds the command. */
export function infoCommand(program: Command, session: Session): void {
  const command = program
    .command('info')
    .argument('<model>', 'Name or alias of a model')
    .summary('Show one model: entry, metadata, and problems')
    .description('Show one model: its entry, file metadata, and problems')
    .action((model: string, _, command: Command) =>
      session.run(command.optsWithGlobals(), async ({ library, printer }) =>
        describeModel(model, await library.model(model, { backends: true }), library.isServer, printer),
      ),
    );
  addExample(command, 'lamina info llama3.2-3b');
}

/** One model in sections. `isServer`: only a server knows whether it is loaded. */
export function describeModel(name: string, model: ModelDetail, isServer: boolean, printer: Printer): CommandResult {
  const { metadata = {}, options = {}, limits = {}, download = {}, error, missing = [] } = model;
  const { chat_template: _template, ...facts } = metadata;
  const others = Object.entries(model).filter(([key]) => !shownElsewhere.has(key));
  const sections: readonly (readonly [heading: string, rows: readonly Row[]])[] = [
    [name, mainRows(model, isServer, printer)],
    ['Model files', rowsOf(facts).map(([label, value]): Row => [label.replaceAll('_', ' '), value])],
    ['Options', rowsOf(options)],
    ['Limits', rowsOf(limits)],
    ['Download', rowsOf(download)],
    ['Manifest entry', rowsOf(Object.fromEntries(others))],
    [
      'Problems',
      [
        ...missing.map((text): Row => ['files', text]),
        ...(error === undefined ? [] : rowsOf({ error: error.message })),
      ],
    ],
  ];
  const text = sections
    .filter(([, rows]) => rows.length > 0)
    .map(([heading, rows]) => `${printer.style.bold(heading)}\n${printer.pairs(rows)}`);
  return { json: model, text: text.join('\n\n') };
}

function mainRows(model: ModelDetail, isServer: boolean, { style }: Printer): readonly Row[] {
  const { runs_on: backend, cannot_run: reason, memory, description, path, aliases = [], use_cases: uses = [] } = model;
  // Files that are not on disk may have a format that is not known yet.
  const none = reason === undefined || !model.available ? model.backend : `nothing here: ${reason}`;
  const needs = memory && `about ${showBytes(memory.bytes)} with ${memory.context_length} tokens of context`;
  const rows: Readonly<Record<string, string | undefined>> = {
    description,
    files: styleState(filesOf(model), style),
    loaded: isServer ? styleState(loadedOf(model), style) : undefined,
    'runs on': backend ?? none,
    memory: needs,
    size: sizeOf(model),
    quantization: model.quantization,
    path,
    aliases: aliases.join(', ') || undefined,
    'use cases': uses.join(', ') || undefined,
  };
  return Object.entries(rows).flatMap(([label, value]) => (value === undefined ? [] : [[label, value] as const]));
}

/** Values by their keys; those in mappings by the keys that lead to them. */
function rowsOf(values: object, lead = ''): readonly Row[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]): readonly Row[] => {
    const label = `${lead}${key}`;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return rowsOf(value, `${label}.`);
    return [[label, format(value)]];
  });
}

function format(value: unknown): string {
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
