// Shows what an import added, or would add, and what it could not take over.
import type { Style } from '@lamina/config';
import type { ImportNote, Lamina } from '@lamina/core';
import { stringify } from 'yaml';
import type { CommandResult } from '../printer.js';
import { counted, wrap } from '../table.js';
import type { NewEntries } from './new-entries.js';

/** What an import did. */
export interface ImportOutcome {
  /** Where the models come from. */
  readonly from: string;
  readonly added: NewEntries;
  /** The file of the manifest. */
  readonly manifest: string;
  readonly isDryRun: boolean;
  /** What is wrong with what was added. */
  readonly diagnostics: readonly { readonly model?: string; readonly message: string }[];
}

/** Notes are sentences for a terminal of this width. */
const width = 80;

/** The result of the command. */
export function importResult(
  { from, added, manifest, isDryRun, diagnostics }: ImportOutcome,
  style: Style,
): CommandResult {
  const { models, backends, groups, notes, known } = added;
  const entries = withoutEmpty({ backends, models, groups });
  const json = {
    from,
    manifest,
    dry_run: isDryRun,
    added: entries,
    known,
    notes: notes.map(({ what, message, leftOut = false }) => ({ what, message, left_out: leftOut })),
    diagnostics,
  };
  const names = Object.keys(models);
  const parts = [
    ...(names.length === 0
      ? [`Nothing to add from ${from}.`]
      : isDryRun
        ? [`This would be added to ${manifest}:`, yamlOf(entries)]
        : [addedText(added, from, manifest)]),
    ...(known.length === 0 ? [] : [`In the manifest already: ${known.join(', ')}`]),
    ...notesText(
      style,
      'Left out',
      notes.filter(({ leftOut }) => leftOut === true),
    ),
    ...notesText(
      style,
      'Not taken over, or different in Lamina',
      notes.filter(({ leftOut }) => leftOut !== true),
    ),
    ...notesText(
      style,
      'Check',
      diagnostics.map(({ model = 'the manifest', message }) => ({ what: model, message })),
    ),
  ];
  return { json, text: parts.join('\n\n') };
}

function addedText({ models, backends, groups }: NewEntries, from: string, manifest: string): string {
  const others = [
    ...(Object.keys(backends).length === 0 ? [] : [counted(Object.keys(backends).length, 'backend')]),
    ...(Object.keys(groups).length === 0 ? [] : [counted(Object.keys(groups).length, 'group')]),
  ];
  const what = [counted(Object.keys(models).length, 'model'), ...others].join(', ');
  const lines = Object.entries(models).map(([name, { aliases = [] }]) =>
    aliases.length === 0 ? `  ${name}` : `  ${name} (also ${aliases.join(', ')})`,
  );
  return [`Added to ${manifest} from ${from}: ${what}`, ...lines].join('\n');
}

/** Each reason once, below what it is about. */
function notesText(
  style: Style,
  title: string,
  notes: readonly Pick<ImportNote, 'what' | 'message'>[],
): readonly string[] {
  const messages = new Set(notes.map(({ message }) => message));
  if (messages.size === 0) return [];
  const whatOf = (message: string) =>
    notes
      .filter((note) => note.message === message)
      .map(({ what }) => what)
      .join(', ');
  const lines = [...messages].flatMap((message) => [
    wrap(`  ${whatOf(message)}`, width),
    wrap(`    ${message}`, width),
  ]);
  return [[style.bold(`${title}:`), ...lines].join('\n')];
}

function yamlOf(entries: object): string {
  return stringify(entries, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}

function withoutEmpty(sections: Readonly<Record<string, object>>): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.entries(sections).filter(([, entries]) => Object.keys(entries).length > 0));
}

/** What is wrong with the added models, and with the manifest because of them. */
export async function diagnosticsOf(
  { models }: Pick<Lamina, 'models'>,
  { models: added }: NewEntries,
  signal: AbortSignal,
): Promise<ImportOutcome['diagnostics']> {
  const names = Object.keys(added);
  const checks = await models.validate(names, { signal });
  const files = checks.flatMap(({ name, problems }) => problems.map(({ message }) => ({ model: name, message })));
  return [...files, ...models.diagnostics(names).map(({ message }) => ({ message }))];
}
