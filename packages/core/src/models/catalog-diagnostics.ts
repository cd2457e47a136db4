// What is wrong in the manifest although it loads, and which files are not offered. Log, server and command show it.
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from '../contract/context.js';
import type { LaminaError } from '../contract/errors.js';
import type { Diagnostic } from '../contract/models.js';
import { nearestHint, type Problem } from '../kernel/check.js';
import type { Catalog } from './catalog.js';
import type { EntryKeys } from './manifest/entry-keys.js';
import { mostDiagnostics, type LocatedProblem } from './manifest/diagnostics.js';
import type { ManifestReading } from './manifest/manifest.js';
import { pathKeys, pathProblems, unknownKeys } from './manifest/rules.js';

type ManifestProblem = Problem & Pick<Diagnostic, 'severity'>;

/** What a scan left out. */
interface ScanResult {
  /** Files that may become models once their headers are read. */
  readonly unread: readonly string[];
  /** File → why it is not offered as a model. */
  readonly broken: ReadonlyMap<string, string>;
}

/** The diagnostics of the current catalog. */
export class CatalogDiagnostics {
  /** What is wrong with backends and options; the layer `runtime` knows them. */
  checkBackends: () => readonly Problem[] = () => [];
  private found: readonly ManifestProblem[] = [];
  private located: readonly Diagnostic[] = [];
  private reading: ManifestReading | undefined;
  private files: readonly Diagnostic[] = [];
  private invalid: readonly Diagnostic[] | undefined;

  constructor(
    private readonly keys: EntryKeys,
    private readonly log: Logger,
  ) {}

  /** Those in the entries of these models, or all. A manifest that is invalid is so for every model. */
  list(names?: readonly string[]): readonly Diagnostic[] {
    const all = [...(this.invalid ?? this.located), ...this.files];
    if (names === undefined || this.invalid !== undefined) return all;
    return all.filter(({ model }) => model !== undefined && names.includes(model));
  }

  /** Checks a catalog that is in use now, and logs what was not found in the one before. */
  update(reading: ManifestReading, catalog: Catalog, { unread, broken }: ScanResult): void {
    this.invalid = undefined;
    this.files = [...broken].map(([file, reason]) => ({
      severity: 'warning',
      file,
      message: `the file is not offered as a model: ${reason}`,
    }));
    // A model that is found in a moment may be the one that a category names.
    const references = unread.length > 0 ? [] : referenceProblems(catalog, this.keys);
    const found = [
      ...[...pathProblems(catalog.manifest.models), ...this.checkBackends()].map((problem) => ({
        ...problem,
        severity: 'error' as const,
      })),
      ...[...unknownKeys(catalog.manifest, this.keys), ...references, ...uselessKeys(catalog)].map((problem) => ({
        ...problem,
        severity: 'warning' as const,
      })),
    ];
    // A scan follows every change on disk; places are looked up only when they can be others.
    if (reading === this.reading && isDeepStrictEqual(found, this.found)) return;
    const before = new Set(this.located.map(({ message }) => message));
    this.reading = reading;
    this.found = found;
    this.located = locate(reading, found);
    for (const { message, file, line, column } of this.located)
      if (!before.has(message)) this.log.warn(file === undefined ? {} : { file, line, column }, message);
  }

  /** The manifest is invalid now; the catalog stays. */
  refuse(error: LaminaError<'CONFIG_INVALID'>): void {
    const { problems } = error.details as { problems?: readonly LocatedProblem[] };
    this.invalid = (problems ?? [{ message: error.message }]).map((problem) => ({ severity: 'error', ...problem }));
  }
}

function locate(reading: ManifestReading, found: readonly ManifestProblem[]): readonly Diagnostic[] {
  const shown = found.slice(0, mostDiagnostics);
  const located = reading.locate(shown).map((problem, index): Diagnostic => {
    const { severity, path } = shown[index]!;
    const model = path[0] === 'models' ? path[1] : undefined;
    return { severity, ...(model === undefined ? {} : { model }), ...problem };
  });
  const sorted = located.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const more = found.length - shown.length;
  return more === 0 ? sorted : [...sorted, { severity: 'warning', message: `${more} more problems` }];
}

/** Categories, defaults, groups and keys of plugins that name no model; members of groups that have no server. */
function referenceProblems(catalog: Catalog, keys: EntryKeys): readonly Problem[] {
  const { categories, defaults, groups, models } = catalog.manifest;
  const names = catalog.records.flatMap(({ model }) => [model.name, ...model.aliases]);
  const problemAt = (path: readonly string[], name: string): readonly Problem[] =>
    catalog.find(name) === undefined
      ? [
          {
            path,
            message: `is "${name}", and no model has that name${names.length === 0 ? '' : `; ${nearestHint(name, names)}`}`,
          },
        ]
      : [];
  return [
    ...Object.entries(categories).flatMap(([category, members]) =>
      members.flatMap((name, index) => problemAt(['categories', category, String(index)], name)),
    ),
    ...Object.entries(defaults).flatMap(([useCase, name]) => problemAt(['defaults', useCase], name)),
    ...Object.entries(groups).flatMap(([group, { models: members }]) =>
      members.flatMap((name, index) => {
        const path = ['groups', group, 'models', String(index)];
        return [...problemAt(path, name), ...sharedServerProblems(catalog, path, name)];
      }),
    ),
    ...Object.entries(models).flatMap(([model, entry]) =>
      keys.modelNames(entry).flatMap(([path, name]) => problemAt(['models', model, ...path], name)),
    ),
  ];
}

/** A group limits servers, so a model that another one's server serves has no effect in it. */
function sharedServerProblems(catalog: Catalog, path: readonly string[], name: string): readonly Problem[] {
  const { base, of } = catalog.find(name)?.model ?? {};
  const server = of ?? base;
  if (server === undefined) return [];
  return [{ path, message: `is "${name}", which the server of "${server}" serves; write "${server}"` }];
}

/** The keys about files and the server of a model. */
const serverKeys = [...pathKeys, 'base', 'backend', 'format', 'download', 'options', 'pinned', 'limits'] as const;

/** Keys without an effect: those about the server of a model that has none. */
function uselessKeys({ records }: Catalog): readonly Problem[] {
  return records.flatMap(({ model: { name, of, from }, entry }) =>
    of === undefined || from !== 'manifest'
      ? []
      : serverKeys
          .filter((key) => entry[key] !== undefined)
          .map((key) => ({
            path: ['models', name, key],
            message: `has no effect, because "${of}" answers for this model; write it in the entry of that one`,
          })),
  );
}
