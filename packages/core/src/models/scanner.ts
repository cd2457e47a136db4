// Makes catalogs: the manifest's entries and what discovery offers, each with what is on disk. What did not change is
// not looked at again.
import { basename, dirname, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Events } from '../contract/events.js';
import type { Discovery } from '../contract/hooks.js';
import type { Manifest, ModelEntry } from '../contract/manifest.js';
import type { Model } from '../contract/models.js';
import type { Context } from '../contract/context.js';
import type { FileProblem, ModelRecord } from '../contract/models.js';
import { freeze } from '../kernel/freeze.js';
import { answerOf, type Hooks } from '../kernel/hooks.js';
import { take, wait, type Steps } from '../kernel/steps.js';
import { Catalog, makeModel } from './catalog.js';
import { deepest, findCandidates, offerFolder } from './discovery.js';
import type { Disk } from './files/disk.js';
import { findFiles } from './files/find.js';
import { Folders } from './files/folders.js';
import type { HeaderCache } from './files/header-cache.js';
import { inTurns } from './in-turns.js';
import { nameProblem } from './manifest/rules.js';
import { Previous } from './previous.js';
import { Slices } from './slices.js';

/** Paths below which something changed on disk; `all`: anything may have. */
export type Dirty = ReadonlySet<string> | 'all';

/** A record before and after the hook `describeModel`. */
interface Made {
  readonly raw: ModelRecord;
  readonly record: ModelRecord;
}

/** Keeps what it saw of the disk from one catalog to the next. */
export class Scanner {
  readonly folders: Folders;
  private renewing: Promise<void> = Promise.resolve();
  private made = new Previous<Made>();
  private readonly based = new Map<string, ModelRecord>();
  private offered: readonly Model[] = [];
  /** GGUF files that are offered once their headers are known to the cache. */
  unread: readonly string[] = [];
  /** What discovery may offer, while it does. */
  private candidates: readonly string[] = [];
  /** The files of which it was said why they are not offered. */
  private explained: ReadonlySet<string> = new Set();
  /** The files that entries of the manifest name. */
  private taken: ReadonlySet<string> = new Set();

  constructor(
    modelsDir: string,
    disk: Disk,
    headers: HeaderCache,
    private readonly hooks: Hooks,
    private readonly events: Events,
    private readonly context: Context,
  ) {
    this.folders = new Folders(modelsDir, disk);
    const taps = hooks.tapsFor({ name: 'core', log: context.log, closed: false });
    taps.discoverModels.tap(async (discovery) => {
      const { unread, broken } = await offerFolder(this.candidates, this.folders, headers, this.taken, discovery);
      this.unread = unread;
      this.explain(broken);
    });
  }

  /** Says why files are not offered: once, as a file that is being written changes all the time. */
  private explain(broken: ReadonlyMap<string, string>): void {
    for (const [file, reason] of broken)
      if (!this.explained.has(file)) this.context.log.warn({ file, reason }, 'A file is not offered as a model');
    this.explained = new Set([...broken.keys(), ...this.unread.filter((path) => this.explained.has(path))]);
  }

  /** Begins to look at all of the disk anew, which the next scan of all waits for. */
  renew(): void {
    this.renewing = this.folders.renew(deepest);
    this.renewing.catch(() => undefined);
  }

  /**
   * The catalog of a manifest as the disk is now. A record of which nothing changed is the same object as in the
   * catalog `before`.
   */
  async scan(manifest: Manifest, dirty: Dirty, before: Catalog): Promise<Catalog> {
    if (dirty !== 'all') for (const path of dirty) this.folders.forget(path);
    const slices = new Slices();
    await slices.giveWay();
    const names = Object.keys(manifest.models);
    if (dirty !== 'all') this.forgetMoved(names, manifest);
    await slices.giveWay();
    const isDirty = dirty === 'all' || dirty.size > 0;
    // Both look at what a walk finds while it goes on.
    const [named, candidates] = await Promise.all([
      this.named(names, manifest, dirty, before.manifest),
      isDirty ? findCandidates(this.folders) : [],
    ]);
    await this.renewing;
    this.candidates = candidates;
    if (isDirty || this.offered.length > 0)
      this.taken = new Set(named.flatMap(({ raw }) => raw.model.files.map(({ path }) => path)));
    await slices.giveWay();
    if (isDirty) this.offered = await this.discover();
    const unnamed = await this.unnamed(manifest, named, dirty);
    const made = [...named, ...unnamed];
    this.made = new Previous([...names, ...unnamed.map(({ raw }) => raw.model.name)], made);
    await slices.giveWay();
    const catalog = new Catalog(
      manifest,
      withBases(
        made.map(({ record }) => record),
        this.based,
      ),
      before,
    );
    await slices.giveWay();
    return catalog;
  }

  /** An entry that names other files than before may mean some that nobody heard of. */
  private forgetMoved(names: readonly string[], { models }: Manifest): void {
    for (const [place, name] of names.entries()) {
      const entry = models[name]!;
      const before = this.made.find(name, place)?.raw.entry;
      if (entry !== before && entry.path !== before?.path)
        this.folders.forget(resolve(this.folders.root, entry.path ?? name));
    }
  }

  /** The entries of the manifest, in its order. */
  private named(
    names: readonly string[],
    manifest: Manifest,
    dirty: Dirty,
    before: Manifest,
  ): Promise<readonly Made[]> {
    const touched = touchedBy(dirty);
    const isCalm = dirty !== 'all' && dirty.size === 0 && manifest.backends === before.backends;
    return inTurns(names, (name, place) => {
      const last = this.made.find(name, place);
      return isCalm && last?.raw.entry === manifest.models[name]
        ? last!
        : take(this.entry(name, manifest, last, touched, dirty));
    });
  }

  private *entry(
    name: string,
    manifest: Manifest,
    before: Made | undefined,
    touched: (path: string) => boolean,
    dirty: Dirty,
  ): Steps<Made> {
    const entry = manifest.models[name]!;
    const backendType = typeOf(entry, manifest);
    const raw = before?.raw;
    const isSame =
      raw?.entry === entry &&
      raw.model.backendType === backendType &&
      !raw.model.files.some(({ path }) => touched(path));
    return yield* this.make(isSame ? raw : yield* this.look(name, entry, backendType, raw), before, dirty);
  }

  private *look(
    name: string,
    entry: ModelEntry,
    backendType: string | undefined,
    before: ModelRecord | undefined,
  ): Steps<ModelRecord> {
    const found = yield* findFiles(name, entry, this.folders);
    return unlessSame(before, recordOf(makeModel(name, entry, found, 'manifest', backendType), entry, found.problems));
  }

  /** What the taps offer. When one of them fails, its last offers stay: what was offered before is kept then. */
  private async discover(): Promise<readonly Model[]> {
    const offered = new Map<string, Model>();
    const discovery: Discovery = {
      add: (model) => {
        const problem = nameProblem(model.name);
        if (problem !== undefined)
          this.context.log.warn(
            { model: model.name.slice(0, 200) },
            `A discovered model is left out: its name ${problem}`,
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

  /** The offers that the manifest names neither by name nor by file. */
  private unnamed(manifest: Manifest, named: readonly Made[], dirty: Dirty): Promise<readonly Made[]> {
    if (this.offered.length === 0) return Promise.resolve([]);
    const aliases = new Set(named.flatMap(({ raw }) => raw.model.aliases));
    const free = this.offered.filter(
      ({ name, files }) =>
        !Object.hasOwn(manifest.models, name) && !aliases.has(name) && !files.some(({ path }) => this.taken.has(path)),
    );
    return inTurns(free, (model, place) => {
      const before = this.made.find(model.name, named.length + place);
      return take(this.make(unlessSame(before?.raw, discoveredRecord(model)), before, dirty));
    });
  }

  private *make(raw: ModelRecord, before: Made | undefined, dirty: Dirty): Steps<Made> {
    if (before !== undefined && before.raw === raw && dirty !== 'all') return before;
    if (!this.hooks.run.describeModel.isUsed()) return { raw, record: raw };
    const model = yield* wait(
      answerOf<Model>((done) => this.hooks.run.describeModel.callAsync(raw.model, this.context, done)),
    );
    const record = model === raw.model ? raw : described(raw, model);
    return { raw, record: unlessSame(before?.record, record) };
  }
}

/**
 * What a tap made of a model. Files it names count as they are told: a model without any, such as a remote, lacks none.
 */
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

/** Whether something changed at, above, below or beside a path. */
function touchedBy(dirty: Dirty): (path: string) => boolean {
  if (dirty === 'all') return () => true;
  const beside = new Set([...dirty].map((path) => dirname(path)));
  const above = new Set([...dirty].flatMap(ancestorsOf));
  return (path) =>
    dirty.size > 0 &&
    (dirty.has(path) ||
      beside.has(dirname(path)) ||
      above.has(path) ||
      ancestorsOf(path).some((directory) => dirty.has(directory)));
}

function ancestorsOf(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...ancestorsOf(parent)];
}

/** Adapters whose base is not here cannot be used either. `before` holds what was said of them last time. */
function withBases(records: readonly ModelRecord[], before: Map<string, ModelRecord>): readonly ModelRecord[] {
  if (!records.some(({ model }) => model.base !== undefined)) return records;
  const byName = new Map(
    records.flatMap((record) => [record.model.name, ...record.model.aliases].map((name) => [name, record])),
  );
  return records.map((record) => {
    const { name, base } = record.model;
    const its = base === undefined ? record : byName.get(base);
    if (base === undefined || its?.available === true) return record;
    const problem = `its base model "${base}" ${its === undefined ? 'is not known' : 'is not here'}`;
    const kept = unlessSame(
      before.get(name),
      freeze({ ...record, available: false, missing: [...record.missing, problem] }),
    );
    before.set(name, kept);
    return kept;
  });
}

/** The record as it was, when nothing of it changed: whoever holds it then sees that by identity. */
function unlessSame(before: ModelRecord | undefined, after: ModelRecord): ModelRecord {
  if (before === undefined) return after;
  return isDeepStrictEqual(before, after) ? before : after;
}
