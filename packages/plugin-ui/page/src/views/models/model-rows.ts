// Which models the view shows, in which order, and what is known of each.
import type { DownloadView, ModelView, PsModel, ServedModel } from '@lamina/core/protocol';
import { hasWords } from '../../words.js';

/** One model of the view. */
export interface ModelRow {
  readonly name: string;
  /** Missing for a model that is not in the manifest yet: it is being downloaded. */
  readonly model?: ModelView;
  /** While it runs, starts, sleeps or waits, and after a failure. */
  readonly run?: PsModel;
  /** Its download, if it has not finished. */
  readonly download?: DownloadView;
  /** What OpenAI's list says of it: its context and what it can do. */
  readonly served?: ServedModel;
}

/** What the rows are made from, by name. Each part may be read later than another. */
export interface RowParts {
  readonly models: Readonly<Record<string, ModelView>>;
  readonly runs?: Readonly<Record<string, PsModel>>;
  readonly downloads?: readonly DownloadView[];
  readonly served?: readonly ServedModel[];
}

/** Models on disk or in use: those in use first, then those that failed, then the others, each by name. */
export function modelsHere(parts: RowParts): readonly ModelRow[] {
  const rows = rowsOf(parts).filter(
    ({ model }) => model !== undefined && (model.available || model.state !== 'stopped'),
  );
  const ranks = new Map(rows.map((row) => [row, rankOf(row)]));
  return rows.sort((a, b) => ranks.get(a)! - ranks.get(b)! || compareNames(a.name, b.name));
}

/** Models that are not on disk: those that are being downloaded first, each by name. */
export function modelsElsewhere(parts: RowParts): readonly ModelRow[] {
  const rank = ({ download }: ModelRow): number => (download === undefined ? 1 : 0);
  return rowsOf(parts)
    .filter(({ model }) => model === undefined || (!model.available && model.state === 'stopped'))
    .sort((a, b) => rank(a) - rank(b) || compareNames(a.name, b.name));
}

/** The rows that have every word of a text in their name, description, aliases, engine or state. */
export function matchingRows(rows: readonly ModelRow[], text: string): readonly ModelRow[] {
  return rows.filter((row) => hasWords(searchedText(row), text));
}

/** Whether a download has an end yet. */
function isUnfinished({ state }: Pick<DownloadView, 'state'>): boolean {
  return state !== 'finished' && state !== 'cancelled';
}

/** Whether one can chat with a model, as far as is known. */
export function canChat({ model, served }: ModelRow): boolean {
  if (model?.available !== true || model.cannot_run !== undefined) return false;
  return served?.capabilities?.includes('chat') ?? true;
}

function rowsOf({ models, runs = {}, downloads = [], served = [] }: RowParts): ModelRow[] {
  const unfinished = new Map(downloads.filter(isUnfinished).map((download) => [download.model, download]));
  const facts = new Map(served.map((one) => [one.id, one]));
  const names = new Set([...Object.keys(models), ...unfinished.keys()]);
  return [...names].map((name) => ({
    name,
    ...(models[name] === undefined ? {} : { model: models[name] }),
    ...(runs[name] === undefined ? {} : { run: runs[name] }),
    ...(unfinished.has(name) ? { download: unfinished.get(name)! } : {}),
    ...(facts.has(name) ? { served: facts.get(name)! } : {}),
  }));
}

function rankOf({ model }: ModelRow): number {
  if (model?.state === 'stopped') return 2;
  return model?.state === 'failed' ? 1 : 0;
}

const names = new Intl.Collator(undefined, { numeric: true });

function compareNames(a: string, b: string): number {
  return names.compare(a, b);
}

function searchedText({ name, model }: ModelRow): string {
  if (model === undefined) return name;
  const { description = '', aliases = [], runs_on = '', state, quantization = '' } = model;
  return [name, description, ...aliases, runs_on, state, quantization].join('\n');
}
