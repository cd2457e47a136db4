// Builds catalogs: the entries of the manifest and the discovered models, each with its files on disk.
import { basename, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Context } from '../contract/context.js';
import type { Events } from '../contract/events.js';
import type { Discovery } from '../contract/hooks.js';
import type { Manifest, ModelEntry } from '../contract/manifest.js';
import type { FileProblem, Model, ModelRecord } from '../contract/models.js';
import { freeze } from '../kernel/freeze.js';
import type { Hooks } from '../kernel/hooks.js';
import { Catalog, makeModel } from './catalog.js';
import { findCandidates, offerCandidates } from './discovery.js';
import { findFiles } from './files/find.js';
import type { Folders } from './files/folders.js';
import type { HeaderCache } from './headers/header-cache.js';
import { nameProblem } from './manifest/rules.js';

/** Paths at which something changed on disk; `all`: anything may have changed. */
export type Changes = ReadonlySet<string> | 'all';

/** A record before and after the hook `describeModel`. */
interface ScannedModel {
  readonly raw: ModelRecord;
  readonly record: ModelRecord;
}

/** Keeps what it read from the disk from one scan to the next. */
export class Scanner {
  private scanned: ReadonlyMap<string, ScannedModel> = new Map();
  private offered: readonly Model[] = [];
  private candidates: readonly string[] = [];
  /** GGUF files that are offered once their headers are cached. */
  unread: readonly string[] = [];
  /** Files for which the log already says why they are not offered. */
  private explained: ReadonlySet<string> = new Set();
  /** The files that entries of the manifest use. */
  private taken: ReadonlySet<string> = new Set();

  constructor(
    private readonly folders: Folders,
    headers: HeaderCache,
    private readonly hooks: Hooks,
    private readonly events: Events,
    private readonly context: Context,
  ) {
    const taps = hooks.tapsFor({ name: 'core', log: context.log, closed: false });
    taps.discoverModels.tap(async (discovery) => {
      const { unread, broken } = await offerCandidates(this.candidates, folders, headers, this.taken, discovery);
      this.unread = unread;
      this.explain(broken);
    });
  }

  /**
   * The catalog of a manifest with the disk as it is now. Unchanged records are the same objects as in the catalog
   * `before`.
   */
  async scan(manifest: Manifest, changes: Changes, before: Catalog): Promise<Catalog> {
    if (changes === 'all') this.folders.clear();
    else for (const path of [...changes, ...this.movedPaths(manifest)]) this.folders.forget(path);
    const isChanged = changes === 'all' || changes.size > 0;
    const entries = Object.entries(manifest.models);
    const [named, candidates] = await Promise.all([
      Promise.all(entries.map(([name, entry]) => this.scanEntry(name, entry, manifest, changes))),
      isChanged ? findCandidates(this.folders) : [],
    ]);
    this.candidates = candidates;
    this.taken = new Set(named.flatMap(({ raw }) => raw.model.files.map(({ path }) => path)));
    if (isChanged) this.offered = await this.discover();
    const all = [...named, ...(await this.unnamed(manifest, named, changes))];
    this.scanned = new Map(all.map((scanned) => [scanned.raw.model.name, scanned]));
    const records = all.map(({ record }) => record);
    return new Catalog(manifest, requireBases(records, before));
  }

  /** The log says once why a file is not offered: a file that is being written changes all the time. */
  private explain(broken: ReadonlyMap<string, string>): void {
    for (const [file, reason] of broken)
      if (!this.explained.has(file)) this.context.log.warn({ file, reason }, 'A file is not offered as a model');
    this.explained = new Set([...broken.keys(), ...this.unread.filter((path) => this.explained.has(path))]);
  }

  /** The paths of entries that name other files than before: there may be files outside the watched directories. */
  private movedPaths({ models }: Manifest): readonly string[] {
    return Object.entries(models)
      .filter(([name, entry]) => entry.path !== this.scanned.get(name)?.raw.entry.path)
      .map(([name, entry]) => resolve(this.folders.root, entry.path ?? name));
  }

  private async scanEntry(
    name: string,
    entry: ModelEntry,
    manifest: Manifest,
    changes: Changes,
  ): Promise<ScannedModel> {
    const found = await findFiles(name, entry, this.folders);
    const model = makeModel(name, entry, found, 'manifest', typeOf(entry, manifest));
    return this.describe(recordOf(model, entry, found.problems), changes);
  }

  /** What the taps offer. When one of them fails, the last offers stay too. */
  private async discover(): Promise<readonly Model[]> {
    const offered = new Map<string, Model>();
    const discovery: Discovery = {
      add: (model) => {
        const problem = nameProblem(model.name);
        if (problem !== undefined)
          this.context.log.warn(
            { model: model.name.slice(0, 200) },
            `A discovered model is skipped: its name ${problem}`,
          );
        else if (!offered.has(model.name)) offered.set(model.name, model);
      },
    };
    let failed = false;
    const stop = this.events.on('plugin.failed', ({ hook }) => (failed ||= hook === 'discoverModels'));
    await this.hooks.run.discoverModels.promise(discovery, this.context).finally(stop);
    if (failed) for (const model of this.offered) if (!offered.has(model.name)) offered.set(model.name, model);
    return [...offered.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The offers of which the manifest has neither the name nor the files. */
  private unnamed(
    manifest: Manifest,
    named: readonly ScannedModel[],
    changes: Changes,
  ): Promise<readonly ScannedModel[]> {
    const aliases = new Set(named.flatMap(({ raw }) => raw.model.aliases));
    const free = this.offered.filter(
      ({ name, files }) =>
        !Object.hasOwn(manifest.models, name) && !aliases.has(name) && !files.some(({ path }) => this.taken.has(path)),
    );
    return Promise.all(free.map((model) => this.describe(discoveredRecord(model), changes)));
  }

  private async describe(scanned: ModelRecord, changes: Changes): Promise<ScannedModel> {
    const before = this.scanned.get(scanned.model.name);
    const raw = keepEqual(before?.raw, scanned);
    if (before?.raw === raw && changes !== 'all') return before;
    if (!this.hooks.run.describeModel.isUsed()) return { raw, record: raw };
    const model = await this.hooks.run.describeModel.promise(raw.model, this.context);
    const record = model === raw.model ? raw : described(raw, model);
    return { raw, record: keepEqual(before?.record, record) };
  }
}

/** A record with what a tap changed. The files that the tap names count: a remote model without files is available. */
function described(raw: ModelRecord, model: Model): ModelRecord {
  const missing =
    model.files === raw.model.files
      ? raw.missing
      : model.files.filter(({ bytes }) => bytes === 0).map(({ path }) => `${basename(path)} is empty`);
  return freeze({ ...raw, missing, available: missing.length === 0, model: { ...model, name: raw.model.name } });
}

function typeOf({ backend }: ModelEntry, { backends }: Manifest): string | undefined {
  const configured = backend !== undefined && Object.hasOwn(backends, backend) ? backends[backend] : undefined;
  return configured?.type ?? backend;
}

function recordOf(model: Model, entry: ModelEntry, problems: readonly FileProblem[]): ModelRecord {
  return freeze({ model, entry, available: problems.length === 0, missing: problems.map(({ message }) => message) });
}

function discoveredRecord(model: Model): ModelRecord {
  const [first] = model.files;
  const problems: FileProblem[] = model.files
    .filter(({ bytes }) => bytes === 0)
    .map(({ path }) => ({ kind: 'empty', path, message: `${basename(path)} is empty` }));
  if (first === undefined) problems.push({ kind: 'absent', message: 'it has no files' });
  const quantization = model.metadata?.quantization;
  const entry: ModelEntry = {
    ...(first === undefined ? {} : { path: first.path }),
    ...(model.backend === undefined ? {} : { backend: model.backend }),
    ...(quantization === undefined ? {} : { quantization }),
  };
  return recordOf(model, entry, problems);
}

/** Adapters whose base is not available are not available either. */
function requireBases(records: readonly ModelRecord[], before: Catalog): readonly ModelRecord[] {
  const byName = new Map(
    records.flatMap((record) => [record.model.name, ...record.model.aliases].map((name) => [name, record])),
  );
  return records.map((record) => {
    const { name, base } = record.model;
    const baseRecord = base === undefined ? record : byName.get(base);
    if (base === undefined || baseRecord?.available === true) return record;
    const problem = `its base model "${base}" ${baseRecord === undefined ? 'is not known' : 'is not here'}`;
    const unavailable = freeze({ ...record, available: false, missing: [...record.missing, problem] });
    return keepEqual(before.get(name), unavailable);
  });
}

/** `before` when nothing changed: others then see that by identity. */
function keepEqual(before: ModelRecord | undefined, after: ModelRecord): ModelRecord {
  return isDeepStrictEqual(before, after) ? before! : after;
}
