// The registry: what `lamina.models` is. It answers from memory; it looks at the disk when it is told to, and when it
// hears of a change.
import { setMaxListeners } from 'node:events';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Config } from '../contract/config.js';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import type { EventData } from '../contract/events.js';
import type { Manifest, ModelEntry } from '../contract/manifest.js';
import type { Model } from '../contract/models.js';
import type { Clock, Logger } from '../contract/context.js';
import type {
  InstallOptions,
  ModelCheck,
  ModelRecord,
  Models,
  ModelsChange,
  ModelStats,
  RemovedModel,
  ResolvedModel,
} from '../contract/models.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { Hooks } from '../kernel/hooks.js';
import { removeTemporaryFiles } from '../kernel/atomic-write.js';
import { take } from '../kernel/steps.js';
import { abortable } from '../kernel/abort.js';
import { CacheFile } from './cache-file.js';
import { Catalog } from './catalog.js';
import { ChangeFeed } from './change-feed.js';
import { checkModel } from './files/check.js';
import { Disk } from './files/disk.js';
import { DiskWatch } from './disk-watch.js';
import { Folders, isWithin } from './files/folders.js';
import { HeaderCache } from './files/header-cache.js';
import { inTurns } from './in-turns.js';
import { installFiles } from './files/install.js';
import { emptyManifest } from './manifest/manifest.js';
import { checkEntry, openManifest, type ManifestStore } from './manifest/store.js';
import { describeFiles } from './files/model-facts.js';
import { removeFiles } from './files/remove.js';
import { Scanner, type Dirty } from './scanner.js';

/** How long a load waits for the headers of models nobody wrote down; they appear later when it takes longer. */
const examineMs = 250;

/**
 * Knows the models: those of the manifest and those that are discovered. Call `begin`, then `load`, once before
 * anything else.
 */
export class ModelRegistry implements Models {
  private catalog = new Catalog(emptyManifest, []);
  private readonly feed: ChangeFeed;
  private readonly closing = new AbortController();
  private readonly modelsDir: string;
  private readonly store: ManifestStore;
  private readonly disk = new Disk();
  private readonly headers: HeaderCache;
  private readonly scanner: Scanner;
  private readonly watch: DiskWatch;
  /** What runs one after the other: refreshes and edits. */
  private work: Promise<unknown> = Promise.resolve();
  /** What changed on disk since the catalog was last built. */
  private unseen: Dirty = new Set();
  private pending: { dirty: Dirty; readonly done: Promise<void> } | undefined;
  private examining: Promise<void> | undefined;

  constructor(
    private readonly config: Config,
    private readonly events: EventBus,
    hooks: Hooks,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {
    // Whatever runs listens to it, and much runs at once.
    setMaxListeners(0, this.closing.signal);
    this.feed = new ChangeFeed(events);
    this.modelsDir = resolve(config.modelsDir);
    const cache = <Item>(name: string) =>
      new CacheFile<Item>(join(resolve(config.dataDir), name), log, config.mode === 'owner');
    this.store = openManifest(config.manifest, this.modelsDir);
    this.headers = new HeaderCache(cache('file-headers.cache'), this.disk);
    this.scanner = new Scanner(this.modelsDir, this.disk, this.headers, hooks, events, {
      signal: this.closing.signal,
      log,
    });
    this.watch = new DiskWatch(
      clock,
      log,
      (path) => this.matters(path),
      (paths) => this.hear(paths),
    );
  }

  get manifest(): Manifest {
    return this.catalog.manifest;
  }

  /** Begins to look at the disk; what else a start takes may be done meanwhile. */
  begin(): void {
    this.scanner.renew();
  }

  /**
   * Reads the manifest for the first time and begins to watch.
   * @throws LaminaError `CONFIG_INVALID` with every problem of it
   */
  async load(): Promise<void> {
    const { path } = this.store;
    if (path !== undefined && this.config.mode === 'owner')
      await removeTemporaryFiles(dirname(await realpath(path).catch(() => path)));
    this.catalog = await this.serial(() => this.scanNow('all'));
    this.watchNow();
    if (this.scanner.unread.length === 0) return;
    if (this.config.mode === 'attached') return this.examine(); // It mostly looks once, and then wants to see all.
    let cancel: () => void = () => undefined;
    const late = new Promise<void>((settle) => (cancel = this.clock.after(examineMs, settle)));
    await Promise.race([this.examine(), late]).finally(cancel);
  }

  list(): readonly ModelRecord[] {
    return this.catalog.records;
  }

  get(name: string): ModelRecord | undefined {
    return this.catalog.get(name);
  }

  resolve(name: string): ResolvedModel {
    return this.catalog.resolve(name);
  }

  adaptersOf(name: string): readonly Model[] {
    return this.catalog.adaptersOf(name);
  }

  stats(): ModelStats {
    return this.catalog.stats;
  }

  async describe(name: string): Promise<Model> {
    const { model } = this.catalog.resolve(name);
    if (this.catalog.get(model.name)?.available !== true) return model;
    const { metadata, broken } = await describeFiles(model, this.scanner.folders, this.headers);
    if (broken === undefined)
      return Object.freeze({ ...model, metadata: Object.freeze({ ...metadata, ...model.metadata }) });
    this.log.warn({ model: model.name, reason: broken }, 'The metadata of a model cannot be read');
    await this.refresh(new Set(model.files.map(({ path }) => path)));
    return this.catalog.get(model.name)?.model ?? model;
  }

  async validate(names?: readonly string[], options: { signal?: AbortSignal } = {}): Promise<readonly ModelCheck[]> {
    const records =
      names === undefined
        ? this.catalog.records
        : names.map((name) => this.catalog.get(this.catalog.resolve(name).model.name)!);
    const signal = this.untilClosed(options.signal);
    const folders = new Folders(this.modelsDir, this.disk);
    try {
      return await abortable(
        inTurns(records, (record) => take(checkModel(record, this.catalog, folders, this.headers, signal))),
        signal,
      );
    } catch (error) {
      throw signal.aborted ? new LaminaError('ABORTED', {}, { cause: error }) : error;
    } finally {
      void this.headers.save();
    }
  }

  async save(name: string, entry: ModelEntry): Promise<ModelRecord> {
    checkEntry(this.manifest, name, entry);
    await this.change(async () => {
      await this.store.edit({ name, entry });
      return [];
    });
    return this.catalog.get(name)!;
  }

  async install(name: string, path: string, options: InstallOptions = {}): Promise<ModelRecord> {
    const known = this.catalog.get(name);
    if (known?.available === true)
      throw new LaminaError('CONFLICT', {
        message: `The model "${name}" is already here. Remove it first, or choose another name.`,
      });
    const before = known?.model.from === 'manifest' ? known.entry : {};
    checkEntry(this.manifest, name, { ...before, ...options.entry });
    const installed = await installFiles({
      name,
      source: resolve(path),
      written: before.path,
      modelsDir: this.modelsDir,
      disk: this.disk,
      mode: options.mode ?? 'link',
      signal: this.untilClosed(options.signal),
    });
    await this.change(async () => {
      await this.store
        .edit({ name, entry: { ...before, ...options.entry, path: installed.path } })
        .catch(async (error: unknown) => {
          await installed.undo();
          throw error;
        });
      return installed.changed;
    });
    return this.catalog.get(name)!;
  }

  async remove(name: string, options: { files?: boolean } = {}): Promise<RemovedModel> {
    let removed: RemovedModel = { deleted: [], kept: [] };
    await this.change(async () => {
      // An entry written by hand a moment ago may share these files.
      if (options.files === true) await this.apply(new Set());
      const { model } = this.catalog.resolve(name);
      if (model.from === 'manifest') await this.store.edit({ name: model.name, entry: undefined });
      else if (options.files !== true) throw notInManifest(model.name);
      if (options.files === true) removed = await removeFiles(model, this.catalog.records, this.modelsDir);
      return removed.deleted;
    });
    return removed;
  }

  onChange(listener: (change: ModelsChange) => void): () => void {
    return this.feed.on(listener);
  }

  /** Calls made while a reload runs share the one after it, so each sees what was written before it was made. */
  reload(): Promise<void> {
    return this.refresh('all');
  }

  /** Ends what runs and what is watched, forgets the listeners. */
  async dispose(): Promise<void> {
    this.watch.close();
    this.feed.clear();
    const reason = new LaminaError('SHUTTING_DOWN', {});
    this.closing.abort(reason);
    await this.disk.close(reason);
    await Promise.allSettled([this.work, this.examining]);
    await this.headers.save();
  }

  /** Hidden and unfinished files do not matter, nor what lies beside a manifest that is elsewhere. */
  private matters(path: string): boolean {
    if (path === this.store.path) return true;
    const known = this.scanner.folders.has(dirname(path)) ? basename(path) : '.';
    const name = isWithin(this.modelsDir, path) ? path.slice(this.modelsDir.length) : known;
    return !/(^|[\\/])\.|\.(part|tmp)$/.test(name);
  }

  private hear(paths: ReadonlySet<string>): void {
    const dirty = new Set([...paths].filter((path) => path !== this.store.path));
    this.refresh(dirty).catch((error: unknown) => {
      if (this.closing.signal.aborted || LaminaError.is(error, 'CONFIG_INVALID')) return; // `refuse` has told of it.
      this.log.error({ err: error }, 'A change on disk could not be applied');
    });
  }

  private refresh(dirty: Dirty): Promise<void> {
    if (this.pending !== undefined) {
      this.pending.dirty = together(this.pending.dirty, dirty);
      return this.pending.done;
    }
    const done = this.serial(() => {
      const { dirty: all } = this.pending!;
      this.pending = undefined;
      return this.apply(all);
    });
    this.pending = { dirty, done };
    return done;
  }

  /** Runs an edit; the answer of it says what else changed on disk. */
  private change(edit: () => Promise<Iterable<string>>): Promise<void> {
    return this.serial(async () => this.apply(new Set(await edit())));
  }

  /**
   * Builds the next catalog and changes over to it. When that fails, the one before stays, and the next attempt
   * looks at what this one should have seen.
   */
  private async apply(changed: Dirty): Promise<void> {
    if (this.closing.signal.aborted) throw this.closing.signal.reason as Error;
    const before = this.catalog;
    const dirty = (this.unseen = together(this.unseen, changed));
    try {
      if (dirty === 'all') this.scanner.renew();
      this.catalog = await this.scanNow(dirty);
      this.unseen = new Set();
    } catch (error) {
      if (LaminaError.is(error, 'CONFIG_INVALID')) this.refuse(error);
      throw error;
    }
    if (dirty === 'all' || dirty.size > 0) this.watchNow();
    this.feed.tell(before, this.catalog);
    void this.examine();
  }

  private refuse(error: LaminaError<'CONFIG_INVALID'>): void {
    // What is wrong with the manifest is logged as this event; what went wrong inside Lamina has a cause besides.
    if (error.cause !== undefined)
      this.log.error({ err: error.cause }, 'The models could not be read again; the ones before stay');
    this.events.emit('manifest.invalid', { error: error.toWire() as EventData<'manifest.invalid'>['error'] });
  }

  /**
   * @throws LaminaError `CONFIG_INVALID` when the manifest is wrong, or the catalog cannot be built for another reason
   */
  private async scanNow(dirty: Dirty): Promise<Catalog> {
    try {
      const { manifest, warnings } = await this.store.read();
      if (manifest !== this.catalog.manifest)
        for (const { message, ...place } of warnings) this.log.warn(place, message);
      return await this.scanner.scan(manifest, dirty, this.catalog);
    } catch (error) {
      if (LaminaError.is(error) || this.closing.signal.aborted) throw error;
      const message = `The models cannot be read: ${reasonOf(error)}.`;
      throw new LaminaError('CONFIG_INVALID', { message }, { cause: error });
    }
  }

  /** Reads the headers that stand between a file and its being offered. */
  private examine(): Promise<void> {
    this.examining ??= this.examineNow().finally(() => (this.examining = undefined));
    return this.examining;
  }

  private async examineNow(): Promise<void> {
    const unread = [...this.scanner.unread];
    if (unread.length === 0 || this.closing.signal.aborted) return;
    try {
      await inTurns(unread, (path) => this.headers.read(path));
      await this.refresh(new Set(unread));
      await this.headers.save();
    } catch (error) {
      if (!this.closing.signal.aborted)
        this.log.error({ reason: reasonOf(error) }, 'Models found on disk could not be looked at');
    }
  }

  private watchNow(): void {
    if (!this.closing.signal.aborted)
      this.watch.set([
        ...(this.store.directory === undefined ? [] : [this.store.directory]),
        this.modelsDir,
        ...this.scanner.folders.listed(),
      ]);
  }

  private untilClosed(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.closing.signal : AbortSignal.any([signal, this.closing.signal]);
  }

  private serial<T>(run: () => Promise<T>): Promise<T> {
    const result = this.work.then(run);
    this.work = result.catch(() => undefined);
    return result;
  }
}

function notInManifest(name: string): LaminaError {
  const message = `The model "${name}" is not in the manifest: it is found on disk. Remove it with its files, or move them away.`;
  return new LaminaError('CONFLICT', { message });
}

function together(a: Dirty, b: Dirty): Dirty {
  return a === 'all' || b === 'all' ? 'all' : new Set([...a, ...b]);
}
