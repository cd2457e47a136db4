// All models at one moment: built whole, then only read. A reload builds the next one and the registry changes over.
import { LaminaError } from '../contract/errors.js';
import type { Manifest, ModelEntry } from '../contract/manifest.js';
import type { Model } from '../contract/models.js';
import type { ModelRecord, ModelsChange, ModelStats, ResolvedModel } from '../contract/models.js';
import { freeze } from '../kernel/freeze.js';
import type { FoundFiles } from './files/find.js';
import { nearestNames } from './nearest.js';

/** Most models have none of what may be listed of them, and share it. */
const [noNames, nothingSet]: [readonly string[], Readonly<Record<string, never>>] = [
  Object.freeze([]),
  Object.freeze({}),
];

/** A model as the manifest, or discovery, and the disk make it; `backendType` is the type of its entry's backend. */
export function makeModel(
  name: string,
  entry: ModelEntry,
  found: Pick<FoundFiles, 'files' | 'format'>,
  from: Model['from'],
  backendType?: string,
): Model {
  // Spreading costs half of all it takes to look at 10,000 models.
  const model: { -readonly [Key in keyof Model]: Model[Key] } = {
    name,
    files: found.files,
    format: found.format,
    aliases: entry.aliases ?? noNames,
    options: (entry.options ?? nothingSet) as Model['options'],
    pinned: entry.pinned ?? false,
    limits: entry.limits ?? nothingSet,
    from,
  };
  if (entry.backend !== undefined) model.backend = entry.backend;
  if (entry.base !== undefined) model.base = entry.base;
  if (backendType !== undefined) model.backendType = backendType;
  return freeze(model);
}

/**
 * Who is called what, by the place in the list of records: the same object for all catalogs in which nobody is called
 * otherwise.
 */
class Names {
  readonly byName = new Map<string, number>();
  readonly byAlias = new Map<string, number>();
  readonly adapters = new Map<string, number[]>();

  constructor(records: readonly ModelRecord[]) {
    for (const [place, { model }] of records.entries()) {
      this.byName.set(model.name, place);
      for (const alias of model.aliases) this.byAlias.set(alias, place);
    }
    for (const [place, { model }] of records.entries())
      if (model.base !== undefined) this.adapt(model.base, place, records);
  }

  /** By name, else by alias. */
  find(name: string): number | undefined {
    return this.byName.get(name) ?? this.byAlias.get(name);
  }

  private adapt(written: string, place: number, records: readonly ModelRecord[]): void {
    const its = this.find(written);
    const base = its === undefined ? written : records[its]!.model.name;
    this.adapters.set(base, [...(this.adapters.get(base) ?? []), place]);
  }
}

/** Every model, by name, alias and base. */
export class Catalog {
  readonly records: readonly ModelRecord[];
  readonly names: Names;
  private counts: ModelStats | undefined;

  constructor(
    readonly manifest: Manifest,
    records: readonly ModelRecord[],
    before?: Catalog,
  ) {
    this.records = Object.freeze([...records]);
    this.names = before !== undefined && areCalledAlike(records, before.records) ? before.names : new Names(records);
  }

  get stats(): ModelStats {
    return (this.counts ??= countAll(this.manifest, this.records));
  }

  get(name: string): ModelRecord | undefined {
    return this.at(this.names.byName.get(name));
  }

  /** A model by name, else by alias. */
  find(name: string): ModelRecord | undefined {
    return this.at(this.names.find(name));
  }

  /** @throws LaminaError `MODEL_NOT_FOUND` */
  resolve(name: string): ResolvedModel {
    const model = this.find(name)?.model;
    if (model === undefined) throw this.notFound(name, '');
    if (model.base === undefined) return { model, served: model };
    const served = this.find(model.base)?.model;
    if (served === undefined) throw this.notFound(model.base, `It is the base of the adapter "${model.name}".`);
    return { model, served };
  }

  adaptersOf(name: string): readonly Model[] {
    return (this.names.adapters.get(name) ?? []).map((place) => this.records[place]!.model);
  }

  private at(place: number | undefined): ModelRecord | undefined {
    return place === undefined ? undefined : this.records[place];
  }

  private notFound(asked: string, lead: string): LaminaError {
    const name = asked.slice(0, 200);
    const names = [...this.names.byName.keys(), ...this.names.byAlias.keys()];
    return new LaminaError('MODEL_NOT_FOUND', {
      model: name,
      hint: `${lead} ${nearestNames(name, names)}`.trim(),
      available: names.slice(0, 100),
    });
  }
}

/** What differs between two catalogs, by name. The same model object means unchanged. */
export function difference(before: Catalog, after: Catalog): ModelsChange {
  if (before.names === after.names)
    return {
      added: [],
      changed: after.records.filter((record, place) => record !== before.records[place]).map(nameOf),
      removed: [],
    };
  const added = after.records.filter(({ model }) => before.get(model.name) === undefined);
  const removed = before.records.filter(({ model }) => after.get(model.name) === undefined);
  const changed = after.records.filter((record) => ![undefined, record].includes(before.get(record.model.name)));
  return { added: added.map(nameOf), changed: changed.map(nameOf), removed: removed.map(nameOf) };
}

function areCalledAlike(records: readonly ModelRecord[], before: readonly ModelRecord[]): boolean {
  return (
    records.length === before.length &&
    records.every((record, place) => record === before[place] || isCalledAlike(record.model, before[place]!.model))
  );
}

function isCalledAlike(a: Model, b: Model): boolean {
  return (
    a.name === b.name &&
    a.base === b.base &&
    a.aliases.length === b.aliases.length &&
    a.aliases.every((alias, index) => alias === b.aliases[index])
  );
}

function countAll(manifest: Manifest, records: readonly ModelRecord[]): ModelStats {
  const available = records.filter((record) => record.available).length;
  const categories = Object.fromEntries(
    Object.entries(manifest.categories).map(([category, names]) => [category, names.length]),
  );
  return freeze({
    total_models: records.length,
    available_models: available,
    missing_models: records.length - available,
    categories,
    backends: countBy(records.flatMap(({ entry }) => entry.backend ?? [])),
    use_cases: countBy(records.flatMap(({ entry }) => entry.use_cases ?? [])),
  });
}

function countBy(words: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries(counts);
}

function nameOf({ model }: ModelRecord): string {
  return model.name;
}
