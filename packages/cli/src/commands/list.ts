// lamina list: lists the models, or with --available those that can be downloaded.
import { Option, type Command } from 'commander';
import type { DownloadableView, ModelsView, ModelView } from '@lamina/core/protocol';
import { showBytes } from '../amounts.js';
import type { CommandResult, Printer } from '../printer.js';
import type { Session } from '../session.js';
import { styleState } from '../state.js';
import { counted, type TableRow } from '../table.js';
import { addExample } from './example.js';

interface ListOptions {
  readonly available?: boolean;
  readonly source?: string;
}

/** Adds the command, and `list-downloadable`, its name in the Python original. */
export function listCommand(program: Command, session: Session): void {
  const run = ({ available, source }: ListOptions, command: Command) =>
    session.run(command.optsWithGlobals(), async ({ library, printer }) =>
      available === true
        ? downloadableResult(await library.downloadable(), source, printer)
        : modelsResult(await library.models({ backends: true }), library.isServer, printer),
    );
  const list = program
    .command('list')
    .option('--available', 'List models of the manifest that are not on disk and can be downloaded')
    .addOption(
      new Option('--source <name>', 'Only models of this source (implies --available)').implies({ available: true }),
    )
    .description('List models, their files, and what runs them')
    .action(run);
  addExample(list, 'lamina list --available');
  program
    .command('list-downloadable', { hidden: true })
    .option('--source <name>', 'Only models of this source')
    .description('The same as: lamina list --available')
    .action((options: ListOptions, command: Command) => run({ ...options, available: true }, command));
}

/** `isServer`: only a server knows which models are loaded. */
function modelsResult(view: ModelsView, isServer: boolean, printer: Printer): CommandResult {
  const models = Object.entries(view.models);
  const rows = models.flatMap(([name, model]): readonly TableRow[] => [
    rowOf(name, model, isServer, printer),
    ...(model.available && model.cannot_run !== undefined ? [`It cannot run: ${model.cannot_run}.`] : []),
  ]);
  const loaded = models.filter(([, model]) => loadedOf(model) === 'yes').length;
  const total = `${counted(view.total, 'model')}, ${view.available} available${isServer ? `, ${loaded} loaded` : ''}`;
  const headings = ['NAME', 'FILES', '>SIZE', 'QUANTIZATION', 'RUNS ON', ...(isServer ? ['LOADED'] : [])];
  const empty = 'No models found. Download one with: lamina pull <model|reference>';
  return {
    json: view,
    text: rows.length === 0 ? empty : [printer.table(headings, rows), '', total].join('\n'),
  };
}

function rowOf(name: string, model: ModelView, isServer: boolean, { style }: Printer): readonly string[] {
  return [
    name,
    styleState(filesOf(model), style),
    sizeOf(model),
    model.quantization ?? '-',
    model.runs_on ?? (model.available ? 'none' : (model.backend ?? '-')),
    ...(isServer ? [styleState(loadedOf(model), style)] : []),
  ];
}

function downloadableResult(view: DownloadableView, source: string | undefined, printer: Printer): CommandResult {
  const models = view.models.filter(({ sources }) => source === undefined || Object.hasOwn(sources, source));
  const rows = models.flatMap(({ model, sources, download }) =>
    Object.entries(sources).map(([name, reference], index) => [
      index === 0 ? model : '',
      name,
      referenceOf(reference),
      index === 0 ? (download ?? '-') : '',
    ]),
  );
  return {
    json: { models },
    text:
      rows.length === 0
        ? 'No models to download: every model in the manifest is on disk or has no source.'
        : printer.table(['NAME', 'SOURCE', 'REFERENCE', 'DOWNLOAD'], rows),
  };
}

/** What a source is asked for: text, or fields such as a repository and a file. */
function referenceOf(reference: unknown): string {
  return typeof reference === 'object' && reference !== null
    ? Object.values(reference).map(referenceOf).join(' ')
    : String(reference);
}

/** Whether the files of a model are on disk. */
export function filesOf({ available }: ModelView): string {
  return available ? 'available' : 'missing';
}

/** Whether an engine has a model in memory: `yes`, `no`, or the state in between. */
export function loadedOf({ state }: ModelView): string {
  if (state === 'ready' || state === 'degraded') return 'yes';
  return state === 'stopped' ? 'no' : state;
}

/** The size of the files of a model, or the size that its manifest entry states. */
export function sizeOf({ bytes, size }: ModelView): string {
  return bytes > 0 ? showBytes(bytes) : String(size ?? '-');
}
