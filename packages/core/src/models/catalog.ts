// All models at one moment. A scan builds the next catalog, which replaces this one.
import { LaminaError } from '../contract/errors.js';
import type { Manifest, ModelEntry } from '../contract/manifest.js';
import type { Model, ModelRecord, ModelsChange, ModelStats, ResolvedModel } from '../contract/models.js';
import { nearest, nearestHint } from '../kernel/check.js';
import { freeze } from '../kernel/freeze.js';
import type { FoundFiles } from './files/find.js';

/** An error names so many models. */
const mostNames = 8;

/** A model of a manifest entry, or of discovery, with its files; `backendType` is the type of the entry's backend. */
export function makeModel(
  name: string,
  entry: ModelEntry,
  { files, format }: Pick<FoundFiles, 'files' | 'format'>,
  from: Model['from'],
  backendType?: string,
): Model {
  return freeze({
    name,
    files,
    format,
    aliases: entry.aliases ?? [],
    options: (entry.options ?? {}) as Model['options'],
    pinned: entry.pinned ?? false,
    ...(entry.preload === true ? { preload: true } : {}),
    limits: entry.limits ?? {},
    from,
    ...(entry.backend === undefined ? {} : { backend: entry.backend }),
    ...(entry.base === undefined ? {} : { base: entry.base }),
    ...(backendType === undefined ? {} : { backendType }),
  });
}

/** Every model, by name, alias and base. */
export class Catalog {
  readonly records: readonly ModelRecord[];
  private readonly byName: ReadonlyMap<string, ModelRecord>;
  private readonly byAlias: ReadonlyMap<string, ModelRecord>;

  constructor(
    readonly manifest: Manifest,
    records: readonly ModelRecord[],
  ) {
    this.records = Object.freeze([...records]);
    this.byName = new Map(records.map((record) => [record.model.name, record]));
    this.byAlias = new Map(records.flatMap((record) => record.model.aliases.map((alias) => [alias, record] as const)));
  }

  stats(): ModelStats {
    const { categories, backends, defaults } = this.manifest;
    const available = this.records.filter((record) => record.available).length;
    return {
      total_models: this.records.length,
      available_models: available,
      missing_models: this.records.length - available,
      categories: Object.keys(categories),
      backends: unique([...Object.keys(backends), ...this.records.flatMap(({ entry }) => entry.backend ?? [])]),
      use_cases: unique([...Object.keys(defaults), ...this.records.flatMap(({ entry }) => entry.use_cases ?? [])]),
    };
  }

  get(name: string): ModelRecord | undefined {
    return this.byName.get(name);
  }

  /** A model by name, else by alias. */
  find(name: string): ModelRecord | undefined {
    return this.byName.get(name) ?? this.byAlias.get(name);
  }

  /** @throws LaminaError `MODEL_NOT_FOUND` */
  resolve(name: string): ResolvedModel {
    const { model } = this.require(name);
    const answering = this.answering(model);
    if (answering.base === undefined) return { model, answering, served: answering };
    const served = this.find(answering.base)?.model;
    if (served === undefined || served.of !== undefined)
      throw this.notFound(answering.base, `It is the base of the adapter "${answering.name}".`);
    return { model, answering, served };
  }

  /** A model by name or alias. @throws LaminaError `MODEL_NOT_FOUND` */
  require(name: string): ModelRecord {
    const record = this.find(name);
    if (record === undefined) throw this.notFound(name, '');
    return record;
  }

  adaptersOf(name: string): readonly Model[] {
    return this.records
      .filter(({ model: { base } }) => base !== undefined && (this.find(base)?.model.name ?? base) === name)
      .map(({ model }) => model);
  }

  /** The model itself when the one it names cannot answer. */
  private answering(model: Model): Model {
    const named = model.of === undefined ? undefined : this.find(model.of)?.model;
    return named === undefined || named.of !== undefined ? model : named;
  }

  private notFound(asked: string, lead: string): LaminaError {
    const name = asked.slice(0, 200);
    const names = [...this.byName.keys(), ...this.byAlias.keys()];
    return new LaminaError('MODEL_NOT_FOUND', {
      model: name,
      hint: `${lead} ${nearestNames(name, names)}`.trim(),
      available: names.slice(0, 100),
    });
  }
}

/** The differences between two catalogs, by name. The same record object means unchanged. */
export function difference(before: Catalog, after: Catalog): ModelsChange {
  const added = after.records.filter(({ model }) => before.get(model.name) === undefined);
  const removed = before.records.filter(({ model }) => after.get(model.name) === undefined);
  const changed = after.records.filter((record) => ![undefined, record].includes(before.get(record.model.name)));
  return { added: added.map(nameOf), changed: changed.map(nameOf), removed: removed.map(nameOf) };
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function nameOf({ model }: ModelRecord): string {
  return model.name;
}

/** A sentence for an unknown name: `Did you mean "x"? Known: "x", "y", … (12 in all).` */
function nearestNames(name: string, names: readonly string[]): string {
  if (names.length === 0) return 'There are no models yet.';
  const hint = nearestHint(name, names);
  const listed = nearest(name, names)
    .slice(0, mostNames)
    .map((one) => `"${one}"`);
  const known = `Known: ${listed.join(', ')}${names.length > listed.length ? `, … (${names.length} in all)` : ''}.`;
  return hint.startsWith('did you mean') ? `D${hint.slice(1)} ${known}` : known;
}
